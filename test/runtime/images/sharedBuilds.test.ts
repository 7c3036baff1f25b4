import assert from 'node:assert/strict';
import { once } from 'node:events';
import { SharedBuilds, type BuildWork } from '../../../runtime/images/sharedBuilds';

const QUIET = { progress: () => undefined, output: () => undefined };
const NEVER = new AbortController().signal;

/** Work that ends when it is told to, and counts how often it began. */
function controlled() {
  const begun: AbortSignal[] = [];
  let finish = (_value: string): void => undefined;
  let tell = (_detail: string): void => undefined;
  let print = (_text: string): void => undefined;
  const work: BuildWork<string> = async (listener, signal) => {
    begun.push(signal);
    tell = (detail) => listener.progress(detail, 'build');
    print = (text) => listener.output(text);
    const finished = new Promise<string>((resolve) => {
      finish = resolve;
    });
    const aborted = once(signal, 'abort').then(() => {
      throw new Error('aborted');
    });
    return Promise.race([finished, aborted]);
  };
  return {
    work,
    begun,
    finish: (value: string) => finish(value),
    tell: (detail: string) => tell(detail),
    print: (text: string) => print(text),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('shared builds', () => {
  it('run once for all who wait, and tell late comers the newest progress', async () => {
    const builds = new SharedBuilds<string>();
    const { work, begun, finish, tell } = controlled();
    const first = builds.join('k', work, QUIET, NEVER);
    await turn();
    tell('half');
    const seen: string[] = [];
    const progress = (detail: string, work: string) => seen.push(`${detail}, ${work}`);
    const listener = { progress, output: () => undefined };
    const second = builds.join('k', work, listener, NEVER);
    await turn();
    finish('built');
    assert.deepEqual(await Promise.all([first, second]), ['built', 'built']);
    assert.equal(begun.length, 1);
    assert.deepEqual(seen, ['half, joined']);
    assert.equal(builds.has('k'), false);
  });

  it('give who comes later the last of what was printed, then the rest, each line once', async () => {
    const builds = new SharedBuilds<string>();
    const { work, finish, print } = controlled();
    const first = builds.join('k', work, QUIET, NEVER);
    await turn();
    print('step 1\n');
    const join = () => {
      let heard = '';
      const output = (text: string): void => void (heard += text);
      const built = builds.join('k', work, { progress: () => undefined, output }, NEVER);
      return { built, heard: () => heard };
    };
    const second = join();
    await turn();
    print('step 2\n');
    assert.equal(second.heard(), 'step 1\nstep 2\n');
    for (let line = 0; line < 10_000; line += 1) print(`line ${line}\n`);
    const late = join();
    await turn();
    assert.match(late.heard(), /^… what the build printed before this is left out\nline \d+\n/);
    assert.ok(late.heard().endsWith('line 9998\nline 9999\n'));
    assert.ok(late.heard().length < 40_000, 'however much was printed');
    finish('built');
    await Promise.all([first, second.built, late.built]);
  });

  it('go on while anybody waits, and end when the last has left', async () => {
    const builds = new SharedBuilds<string>();
    const { work, begun } = controlled();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = builds.join('k', work, QUIET, one.signal);
    const second = builds.join('k', work, QUIET, two.signal);
    await turn();
    one.abort();
    await assert.rejects(first, /Cancelled/);
    assert.equal(begun[0]?.aborted, false);
    two.abort();
    await assert.rejects(second, /Cancelled/);
    assert.equal(begun[0]?.aborted, true);
  });

  it('begin anew for who comes while one is ending', async () => {
    const builds = new SharedBuilds<string>();
    const { work, begun, finish } = controlled();
    const leaving = new AbortController();
    const first = builds.join('k', work, QUIET, leaving.signal);
    await turn();
    leaving.abort();
    await assert.rejects(first, /Cancelled/);
    assert.equal(builds.has('k'), true);
    const second = builds.join('k', work, QUIET, NEVER);
    await turn();
    finish('built');
    assert.equal(await second, 'built');
    assert.equal(begun.length, 2);
  });
});
