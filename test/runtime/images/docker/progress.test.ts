import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuildProgressReader } from '../../../../runtime/images/docker/buildProgress';
import { readEvents, type DockerEvent } from '../../../../runtime/images/docker/dockerEvents';
import { pullFailure } from '../../../../runtime/images/docker/failures';
import { PullProgressReader } from '../../../../runtime/images/docker/pullProgress';

/** Recorded from Docker 20.10.24 and docker-registry 2.8.2: [ms since the first, event], one a line. */
function recorded(name: string): [number, DockerEvent][] {
  const folder = join(process.cwd(), 'test', 'runtime', 'images', 'docker', 'recorded');
  return readFileSync(join(folder, `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [number, DockerEvent]);
}

describe("a pull's progress", () => {
  it('tells layers, bytes, rate and time left, as far as each is known', () => {
    const reader = new PullProgressReader('team/app:1', 0);
    const told = recorded('pull').map(
      ([atMs, event]) => [atMs, reader.event(event, atMs)] as const,
    );
    const lines = told.flatMap(([, line]) => (line === undefined ? [] : [line]));
    assert.equal(lines[0], 'pulling team/app:1 · 1 of 1 layers');
    // The first bytes: no rate is known, and not every layer's size.
    assert.equal(
      lines.find((line) => line.includes('MB')),
      'pulling team/app:1 · 1 of 4 layers · 0.0 of at least 0.0 MB',
    );
    assert.ok(
      lines.some((line) => /[\d.]+ of at least 12 MB · .* · at least \d+ s left$/.test(line)),
    );
    const full =
      /^pulling team\/app:1 · \d of 4 layers · [\d.]+ of 42 MB · [\d.]+ MB\/s · \d+ s left$/;
    assert.ok(lines.filter((line) => full.test(line)).length > 20, lines.join('\n'));
    // Half-way, against what was really left: the last byte came at 6.5 s.
    const [atMs, line] = told.find(([at, text]) => at > 3500 && full.test(text ?? '')) ?? [0, ''];
    const left = Number(/(\d+) s left/.exec(line ?? '')?.[1]);
    assert.ok(Math.abs(left - (6500 - atMs) / 1000) < 1.5, `${String(atMs)}: ${String(line)}`);
    const unpacking =
      /^pulling team\/app:1 · \d of 4 layers · 42 MB · extracting [\d.]+ of [\d.]+ MB/;
    assert.ok(lines.filter((line) => unpacking.test(line)).length > 5, lines.join('\n'));
    assert.equal(lines.at(-1), 'pulling team/app:1 · 4 of 4 layers · 42 MB');
  });

  it('counts a layer that came in one piece once its size is told', () => {
    const reader = new PullProgressReader('a:1', 0);
    reader.event({ id: 'l', status: 'Download complete' }, 0);
    const extracting = { current: 1, total: 2_000_000 };
    assert.equal(
      reader.event({ id: 'l', status: 'Extracting', progressDetail: extracting }, 1),
      'pulling a:1 · 0 of 1 layers · 2.0 MB · extracting 0.0 of 2.0 MB',
    );
  });

  const downloading = (id: string, current: number, total = 100_000_000): DockerEvent => ({
    id,
    status: 'Downloading',
    progressDetail: { current, total },
  });

  it('tells the least time left while sizes of layers are unknown, and no more than that', () => {
    const reader = new PullProgressReader('a:1', 0);
    reader.event({ id: 'later', status: 'Waiting' }, 0);
    reader.event(downloading('l', 0), 0);
    assert.equal(
      reader.event(downloading('l', 40_000_000), 4000),
      'pulling a:1 · 0 of 2 layers · 40 of at least 100 MB · 10 MB/s · at least 6 s left',
    );
    assert.equal(
      reader.event(downloading('later', 0, 100_000_000), 4000),
      'pulling a:1 · 0 of 2 layers · 40 of 200 MB · 10 MB/s · 16 s left',
    );
  });

  it('says for how long a pull has stood still, without the rate and time of before', () => {
    const reader = new PullProgressReader('a:1', 0);
    assert.equal(reader.line(2000), 'pulling a:1');
    assert.equal(reader.line(12_000), 'pulling a:1 · no answer for 12 s');
    reader.event(downloading('l', 0), 12_000);
    for (let second = 1; second <= 4; second += 1) {
      reader.event(downloading('l', second * 10_000_000), 12_000 + second * 1000);
    }
    const still = 'pulling a:1 · 0 of 1 layers · 40 of 100 MB';
    assert.match(reader.line(17_000), /7\.5 MB\/s · 8 s left$/);
    assert.equal(reader.line(28_000), `${still} · stalled for 12 s`);
    // The same bytes told again are no news.
    assert.equal(reader.event(downloading('l', 40_000_000), 29_000), `${still} · stalled for 13 s`);
    assert.match(
      reader.event(downloading('l', 50_000_000), 30_000) ?? '',
      /2\.5 MB\/s · 20 s left$/,
    );
  });

  it('begins anew with a layer that the engine fetches again', () => {
    const reader = new PullProgressReader('a:1', 0);
    reader.event(downloading('l', 0), 0);
    reader.event(downloading('l', 40_000_000), 4000);
    reader.event({ id: 'l', status: 'Retrying in 5 seconds' }, 4100);
    assert.match(reader.event(downloading('l', 1_000_000), 5000) ?? '', /layers · 1\.0 of 100 MB$/);
  });

  it('tells how far a layer is unpacked, and the time left of that', () => {
    const reader = new PullProgressReader('a:1', 0);
    const extracting = (current: number): DockerEvent => ({
      id: 'l',
      status: 'Extracting',
      progressDetail: { current, total: 100_000_000 },
    });
    reader.event(downloading('l', 100_000_000), 0);
    reader.event({ id: 'l', status: 'Download complete' }, 0);
    reader.event(extracting(0), 0);
    const line = 'pulling a:1 · 0 of 1 layers · 100 MB · extracting';
    assert.equal(reader.event(extracting(40_000_000), 4000), `${line} 40 of 100 MB · 6 s left`);
    assert.equal(reader.line(16_000), `${line} 40 of 100 MB · no news for 12 s`);
    // Engines that keep images in containerd tell seconds, which are no bytes.
    const seconds = { current: 3, units: 's' };
    const other = new PullProgressReader('a:1', 0);
    other.event(downloading('l', 100_000_000), 0);
    assert.equal(other.event({ id: 'l', status: 'Extracting', progressDetail: seconds }, 1), line);
  });
});

describe("a build's progress", () => {
  const titles = ['base', 'env A', 'echo', 'pip install nosuch-package'];

  it('names the step, keeps what commands print, and leaves the bookkeeping out', () => {
    const reader = new BuildProgressReader(titles);
    let output = '';
    const progress: string[] = [];
    for (const [atMs, event] of recorded('failing-build')) {
      const news = reader.event(event, atMs);
      output += news.output;
      if (news.progress !== undefined) progress.push(news.progress);
    }
    assert.deepEqual(progress, [
      'step 1 of 4 · base',
      'step 2 of 4 · env A',
      'step 3 of 4 · echo',
      'step 4 of 4 · pip install nosuch-package',
    ]);
    assert.equal(
      output,
      [
        'step 1 of 4 · base',
        'step 2 of 4 · env A',
        'step 3 of 4 · echo',
        'to stderr',
        'to stdout',
        'half',
        'step 4 of 4 · pip install nosuch-package',
        'ERROR: Could not find a version that satisfies the requirement nosuch-package (from versions: none)',
        'ERROR: No matching distribution found for nosuch-package',
        '',
      ].join('\n'),
    );
    assert.equal(reader.step, 3);
    assert.equal(reader.failure?.code, 1);
    assert.match(reader.printedByStep, /^ERROR: Could not find.*\nERROR: No matching/);
  });

  it('leaves the bookkeeping of newer engines out, so that what was printed last is the last', () => {
    const reader = new BuildProgressReader(titles);
    let output = '';
    for (const stream of [
      'Step 1/4 : RUN x',
      ' ---> Running in 65f3ec8e6ea2\n',
      'why\n',
      ' ---> Removed intermediate container 65f3ec8e6ea2\n',
    ]) {
      output += reader.event({ stream }, 0).output;
    }
    assert.equal(output, 'step 1 of 4 · base\nwhy\n');
    assert.equal(reader.printedByStep, 'why');
  });

  it("tells pip's own progress behind the step", () => {
    const reader = new BuildProgressReader(titles);
    reader.event({ stream: 'Step 4/5 : RUN x' }, 0);
    reader.event({ stream: '\nDownloading torch-2.4.0-cp311-x.whl (797.2 MB)\nProg' }, 1);
    const news = reader.event({ stream: 'ress 312000000 of 797200000\n' }, 2);
    assert.deepEqual(news, {
      progress: 'step 4 of 4 · downloading torch-2.4.0 (312 of 797 MB)',
      output: '',
    });
    assert.equal(
      reader.now(12_002),
      'step 4 of 4 · downloading torch-2.4.0 (312 of 797 MB) · stalled for 12 s',
    );
    reader.event({ stream: 'Step 5/5 : LABEL velar.image=1\n' }, 13_000);
    assert.equal(reader.now(20_000), undefined);
  });

  it('leaves out what newer engines say of their containers', () => {
    const reader = new BuildProgressReader(['base', 'run']);
    // As Docker 26.1 says it.
    const said = [
      'Step 2/2 : RUN x\n',
      ' ---> Running in 0123456789ab\n',
      'why\n',
      ' ---> Removed intermediate container 0123456789ab\n',
    ];
    const output = said.map((stream) => reader.event({ stream }, 0).output).join('');
    assert.equal(output, 'step 2 of 2 · run\nwhy\n');
    assert.equal(reader.printedByStep, 'why');
  });

  it('says nothing of the step that marks the image, and counts on behind it', () => {
    const reader = new BuildProgressReader(titles, true);
    const step = (stream: string) => reader.event({ stream }, 0).output;
    assert.equal(step('Step 1/6 : FROM x\n ---> 0123456789ab\n'), 'step 1 of 4 · base\n');
    assert.equal(step('Step 2/6 : LABEL velar.unfinished="1"\n ---> Using cache\n'), '');
    assert.equal(step('Step 3/6 : ENV A=1\n'), 'step 2 of 4 · env A\n');
    assert.equal(reader.step, 1);
    assert.equal(step('Step 6/6 : LABEL velar.image="1"\n'), '');
  });

  it('says nothing of the steps that only label the image', () => {
    const reader = new BuildProgressReader(titles);
    const label = { stream: 'Step 5/5 : LABEL velar.image=1\n ---> Using cache\n' };
    assert.deepEqual(reader.event(label, 0), { output: '' });
  });
});

describe('a tag that a registry lacks', () => {
  it('is told from other failures, in the words of both stores of the engine', () => {
    const name = 'ghcr.io/team/app:2';
    const typeOf = (said: string) => pullFailure(name, said, false, undefined).type;
    assert.equal(typeOf('manifest for ghcr.io/team/app:2 not found'), 'ImageNotFound');
    const containerd = `failed to resolve reference "${name}": ${name}: not found`;
    assert.equal(typeOf(containerd), 'ImageNotFound');
    const away = `failed to resolve reference "${name}": dial tcp: lookup ghcr.io: no such host`;
    assert.equal(typeOf(away), 'RegistryUnreachable');
  });
});

describe("the engine's events", () => {
  it('are read whatever pieces they come in', async () => {
    const text = '{"stream":"é1"}\r\n\n{"aux":{"ID":"sha256:1"}}\n{"error":"no"}';
    for (const size of [1, 7, 1000]) {
      const bytes = Buffer.from(text);
      const pieces = (async function* () {
        for (let at = 0; at < bytes.length; at += size) {
          yield await Promise.resolve(bytes.subarray(at, at + size));
        }
      })();
      const events: DockerEvent[] = [];
      for await (const event of readEvents(pieces)) events.push(event);
      assert.deepEqual(events, [{ stream: 'é1' }, { aux: { ID: 'sha256:1' } }, { error: 'no' }]);
    }
  });
});
