/** Inputs of a batch that failed, run again from the command line after the file was mended; each command has a runtime of its own. */
import * as assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonLines, ofType, Workspace, type JsonLine } from './velar';

/** `begun` takes a line for each attempt. */
const appOf = (begun: string, mended: string): string => `import os, signal
import velar

app = velar.App("reruns")


class Point:
    def __init__(self, x):
        self.x = x


@app.function(max_containers=2)
def square(point):
    with open(${JSON.stringify(begun)}, "a") as file:
        file.write("square %d\\n" % point.x)
    if point.x % 10 == 7 and not ${mended}:
        raise ValueError("no %d" % point.x)
    return point.x * point.x


@app.cls()
class Adder:
    def __init__(self, base):
        self.base = base

    @velar.method()
    def add(self, x, also=0):
        with open(${JSON.stringify(begun)}, "a") as file:
            file.write("add %d\\n" % x)
        if x == 1:
            raise ValueError("one")
        return self.base + x + also


@app.function()
def inside(n):
    results = square.map([Point(x) for x in range(n)], return_exceptions=True)
    return sum(isinstance(result, Exception) for result in results)


@app.function()
def plain():
    return 1


@app.local_entrypoint()
def main():
    print(sum(isinstance(r, Exception) for r in square.map(map(Point, range(40)), return_exceptions=True)))
    adder = Adder(100)
    print(sum(isinstance(r, Exception) for r in adder.add.map([0, 1, 2], kwargs={"also": 5}, return_exceptions=True)))
`;

const byIndex = (lines: readonly JsonLine[]): JsonLine[] =>
  ofType(lines, 'input-result').sort((a, b) => Number(a['index']) - Number(b['index']));

describe('velar rerun', function () {
  this.timeout(120_000);
  const workspace = new Workspace({});
  const begun = join(workspace.folder, 'begun');
  const write = (mended: string): void => {
    writeFileSync(begun, '');
    workspace.write('app.py', appOf(begun, mended));
  };

  after(() => workspace.remove());

  /** What was begun since the last look, in order of its text. */
  const attempts = (): string[] => readFileSync(begun, 'utf8').split('\n').filter(Boolean).sort();

  const failing = async (target: string, ...more: string[]): Promise<string> => {
    const { stdout, stderr } = await workspace.run('run', target, ...more, '--json');
    const run = ofType(jsonLines(stdout), 'ended')[0]?.['run'];
    assert.ok(typeof run === 'string', stdout + stderr);
    return run;
  };

  it('runs exactly the inputs that failed, once each, with the file as it is now', async () => {
    write('False');
    const first = await workspace.run('run', 'app.py');
    const told = /^Run 5 failed inputs again: velar rerun (run-\w+)$/m.exec(first.stderr);
    assert.ok(told?.[1] !== undefined, first.stderr);
    write('True');

    const again = await workspace.run('rerun', told[1], '--json');
    const lines = jsonLines(again.stdout);
    assert.equal(again.code, 1, again.stdout + again.stderr);
    const [event] = ofType(lines, 'rerun');
    assert.deepEqual([event?.['of'], event?.['inputs'], event?.['notKept']], [told[1], 5, 0]);
    const results = byIndex(lines).map((line) => [line['function'], line['index'], line['value']]);
    assert.deepEqual(
      results,
      [7, 17, 27, 37].map((x) => ['square', x, x * x]),
    );
    assert.deepEqual(attempts(), ['add 1', 'square 17', 'square 27', 'square 37', 'square 7']);
    const failed = ofType(lines, 'input-failed').map((line) => [
      line['map'],
      line['function'],
      line['index'],
      line['input'],
      line['message'],
    ]);
    assert.deepEqual(failed, [[2, 'Adder.add', 1, '(100).(1, also=5)', 'one']]);
    const last = ofType(lines, 'batch').at(-1);
    const counts = ['done', 'failed', 'total', 'kept'].map((name) => last?.[name]);
    assert.deepEqual(counts, [4, 1, 5, 1]);
    const [error] = ofType(lines, 'error');
    assert.match(String(error?.['message']), /^1 of 5 inputs failed again\.$/);
    assert.equal(error?.['inspectable'], true, 'the frames of the input that failed');
    assert.ok(Number(ofType(lines, 'cost')[0]?.['seconds']) > 0);

    const run = ofType(lines, 'ended')[0]?.['run'];
    write('True');
    const once = await workspace.run('rerun', String(run));
    assert.equal(once.code, 1, once.stderr);
    assert.match(once.stderr, new RegExp(`^Running 1 failed input of ${String(run)}$`, 'm'));
    assert.match(once.stderr, /^ {2}Adder\.add #1 \(100\)\.\(1, also=5\) {2}ValueError: one$/m);
    assert.deepEqual(attempts(), ['add 1']);
  });

  it('runs those of a map inside of a remote function, and exits with 0 once none fails', async () => {
    write('False');
    const run = await failing('app.py::inside', '--args', '[20]');
    write('True');
    const { code, stdout, stderr } = await workspace.run('rerun', run, 'app.py');
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split('\n').sort(), ['square #17  289', 'square #7  49']);
    assert.match(stderr, /^Done in .*2 of 2 inputs/m);
    assert.deepEqual(attempts(), ['square 17', 'square 7']);
  });

  it('says why there is nothing that it can run again', async () => {
    write('False');
    const run = await failing('app.py::plain');
    const refusal = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await workspace.run('rerun', ...args);
      assert.ok(code !== 0, stderr);
      return stderr;
    };
    assert.match(await refusal(run), new RegExp(`No input of a \\.map failed in run ${run}`));
    assert.match(await refusal('run-00000000000'), /no run run-00000000000/);
    const failed = await failing('app.py::inside', '--args', '[8]');
    assert.match(await refusal(failed, 'gone.py'), /There is no file gone\.py[^]*velar rerun run-/);
    workspace.write('app.py', appOf(begun, 'True').replace('def square', 'def squared'));
    assert.match(await refusal(failed), /There is no function square in app reruns of app\.py/);
    workspace.write(
      'app.py',
      appOf(begun, 'True').replace('def square(point)', 'def square(a, b)'),
    );
    assert.match(await refusal(failed), /square #7 .*TypeError: .*missing 1 required positional/);
  });
});
