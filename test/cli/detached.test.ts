/** Batches whose client is killed or leaves, against real processes. */
import * as assert from 'node:assert/strict';
import { isAlive, jsonLines, ofType, Workspace } from './velar';

const INPUTS = 200;

const APP = `import os, time
import velar

app = velar.App("away")


@app.function(max_containers=3)
def square(x):
    time.sleep(0.02)
    return x * x


def show():
    for x, y in enumerate(square.map(range(${String(INPUTS)}))):
        print("got", x, y, flush=True)


@app.function()
def whole():
    show()
    return "all"


@app.local_entrypoint()
def main():
    print("process", os.getpid(), flush=True)
    show()


@app.local_entrypoint()
def hold():
    print("process", os.getpid(), flush=True)
    square.remote(1)
    time.sleep(600)
`;

const ALL = Array.from({ length: INPUTS }, (_, x) => `got ${String(x)} ${String(x * x)}`);

describe('a batch without its client', function () {
  this.timeout(120_000);
  let workspace: Workspace;

  beforeEach(() => {
    workspace = new Workspace({ 'app.py': APP });
  });
  afterEach(async () => {
    // A runtime that is told so ends in order; one that a failed test left behind must not stay.
    for (const pid of workspace.runtimePids().filter(isAlive)) process.kill(pid, 'SIGTERM');
    while (workspace.runtimePids().some(isAlive)) await new Promise((turn) => setTimeout(turn, 50));
    workspace.remove();
  });

  /** What `velar logs` shows of a run. */
  async function shown(
    run: string,
  ): Promise<{ got: string[]; result: unknown; code: number | null }> {
    const { code, stdout } = await workspace.run('logs', run, '--json');
    const lines = jsonLines(stdout);
    const text = ofType(lines, 'log').map(({ text: line }) => String(line).trim());
    const [result] = ofType(lines, 'result');
    return { got: text.filter((line) => line.startsWith('got')), result: result?.['value'], code };
  }

  async function activeRun(): Promise<string> {
    const { stdout } = await workspace.run('ps', '--json');
    const { runs } = JSON.parse(stdout) as { runs: { run: string }[] };
    assert.equal(runs.length, 1, stdout);
    return runs[0]?.run ?? '';
  }

  it('inside of a function goes on though the command that ran it is killed', async () => {
    const command = workspace.start(['run', 'app.py::whole', '--json']);
    await command.printed(/got 40 /);
    process.kill(command.pid, 'SIGKILL');
    await command.ended;
    const run = await activeRun();
    assert.deepEqual(await shown(run), { got: ALL, result: 'all', code: 0 });
    assert.equal(new Set(workspace.runtimePids()).size, 1, 'the runtime stayed up');
  });

  it('of a local entrypoint goes on by itself with --detach, whoever looks at it and is killed', async () => {
    const { code, stdout, stderr } = await workspace.run('run', 'app.py::main', '--detach');
    assert.equal(code, 0, stderr);
    const run = stdout.trim();
    assert.match(run, /^run-/);
    const watching = workspace.start(['logs', run]);
    await watching.printed(/got 40 /);
    process.kill(watching.pid, 'SIGKILL');
    await watching.ended;
    assert.equal(await activeRun(), run);
    assert.deepEqual(await shown(run), { got: ALL, result: null, code: 0 });
    assert.equal(new Set(workspace.runtimePids()).size, 1, 'the runtime stayed up');
  });

  it('ends with a cancel, the process of its local entrypoint too', async () => {
    const { stdout } = await workspace.run('run', 'app.py::hold', '--detach', '--json');
    const { run } = JSON.parse(stdout) as { run: string };
    const watching = workspace.start(['logs', run]);
    const [, pid = '0'] = await watching.printed(/process (\d+)/);
    assert.ok(isAlive(Number(pid)));
    assert.equal((await workspace.run('cancel', run)).code, 0);
    assert.match((await watching.ended).stderr, /cancelled/i);
    while (isAlive(Number(pid))) await new Promise((turn) => setTimeout(turn, 20));
  });
});
