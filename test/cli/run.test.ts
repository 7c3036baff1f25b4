import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { phases } from '../../runtime/protocol/phases';
import type { ClientConnection } from '../../src/client/api';
import { connect } from '../../src/client/connection';
import { ensureEmbeddedRuntime } from '../../src/client/embedded';
import { isAlive, jsonLines, ofType, Workspace, type JsonLine } from './velar';

const APP = `
import socket
import sys
import time
import helpers
import velar

app = velar.App("shop")
gpu_app = velar.App("gpu")


@app.function()
def greet(name: str = "world", *more, times=2):
    for number in range(times):
        print(f"hello {name} {number}")
    print("done", file=sys.stderr)
    return {"name": name, "more": list(more)}


@app.function()
def fail(value):
    print("before")
    return helpers.divide(value, 0)


@app.function()
def sleep(seconds: float = 600, tether: int = 0):
    connection = tether and socket.create_connection(("127.0.0.1", tether))
    print("sleeping")
    time.sleep(seconds)
    return "woke"


@gpu_app.function(gpu="L4")
def infer():
    return "inferred"


@app.cls()
class Adder:
    def __init__(self, base=0):
        self.base = base

    @velar.method()
    def add(self, value):
        return self.base + value


@app.function()
def square(value):
    print(f"squaring {value}")
    return value * value


@app.local_entrypoint()
def main(count: int = 5):
    print("local start")
    print("map:", sum(square.map(range(count))))
    print("remote:", square.remote(9))


@app.local_entrypoint()
def lingering(tether: int = 0):
    import subprocess
    child = subprocess.Popen(["sleep", "600"])
    print("child", child.pid)
    sleep.remote(tether=tether)


@app.local_entrypoint()
def broken():
    print("local start")
    raise KeyError("lost")
`;
const HELPERS = 'def divide(a, b):\n    return a / b\n';

/** Statuses of each phase in the order in which they came. */
function endsOf(lines: readonly JsonLine[]): [string, string][] {
  return ofType(lines, 'phase')
    .filter(({ status }) => ['done', 'skipped', 'failed'].includes(String(status)))
    .map(({ phase, status }) => [String(phase), String(status)]);
}

describe('velar run', function () {
  this.timeout(180_000);
  const workspace = new Workspace({ 'shop.py': APP, 'helpers.py': HELPERS });
  let keeper: ClientConnection;
  /** A function that is connected here is seen to end, without asking the machine again and again. */
  const tether = createServer();

  // A client that stays keeps the home's runtime, as an editor does, so that only one test waits for a start.
  before(async () => {
    await once(tether.listen(0, '127.0.0.1'), 'listening');
    const address = await ensureEmbeddedRuntime({
      home: workspace.home,
      python: undefined,
      runtimeScript: resolve('dist', 'runtime.js'),
      execPath: process.execPath,
    });
    keeper = await connect(address, { client: { name: 'test', version: '0' } });
  });

  after(async () => {
    await keeper.request('runtime.release', {});
    await keeper.close();
    tether.close();
    workspace.remove();
  });

  it('prints what the function prints, its phases, and its result', async () => {
    const { code, stdout, stderr } = await workspace.run(
      'run',
      'shop.py::greet',
      '--args',
      "['you', (1, 2)]",
      '--kwargs',
      '{"times": 1}',
    );
    assert.equal(code, 0, stderr);
    const [first, ...rest] = stdout.split('\n');
    assert.equal(first, 'hello you 0');
    assert.deepEqual(JSON.parse(rest.join('\n')), { name: 'you', more: [[1, 2]] });
    assert.match(stderr, /^done$/m);
    assert.match(stderr, /^✓ queued/m);
    assert.match(stderr, /^✓ running/m);
    assert.match(stderr, /^Done in .*peak .*host memory/m);
  });

  it('--json prints every phase once and in order, lines, cost, and the result', async () => {
    const { code, stdout } = await workspace.run('run', 'shop.py::greet', '--json');
    assert.equal(code, 0, stdout);
    const lines = jsonLines(stdout);
    assert.ok(lines.every(({ at }) => typeof at === 'number'));
    assert.deepEqual(
      endsOf(lines).map(([phase]) => phase),
      [...phases],
    );
    assert.deepEqual(
      ofType(lines, 'log').map(({ stream, seq, text }) => [stream, seq, text]),
      [
        ['stdout', 1, 'hello world 0'],
        ['stdout', 2, 'hello world 1'],
        ['stderr', 3, 'done'],
      ],
    );
    assert.deepEqual(ofType(lines, 'result')[0]?.['value'], { name: 'world', more: [] });
    assert.equal(ofType(lines, 'cost').length, 1);
    assert.equal(ofType(lines, 'error').length, 0);
    assert.ok(ofType(lines, 'memory').every(({ source }) => source === 'rss'));
    const order = lines.map(({ type }) => type);
    assert.ok(order.lastIndexOf('log') < order.indexOf('result'));
    assert.equal(order.at(-1), 'ended');
  });

  it('exits with 1 when the function raises, with the place in the workspace', async () => {
    const { code, stdout } = await workspace.run('run', 'shop.py::fail', '--args', '[1]', '--json');
    assert.equal(code, 1);
    const lines = jsonLines(stdout);
    assert.deepEqual(
      ofType(lines, 'log').map(({ text }) => text),
      ['before'],
    );
    const [error] = ofType(lines, 'error');
    assert.equal(error?.['kind'], 'user');
    assert.equal(error['exception'], 'ZeroDivisionError');
    const frames = error['traceback'] as { file: string; line: number; function: string }[];
    assert.deepEqual(
      frames.map((frame) => [frame.file, frame.function]),
      [
        ['shop.py', 'fail'],
        ['helpers.py', 'divide'],
      ],
    );
    assert.equal(frames[1]?.line, 2);
    const text = await workspace.run('run', 'shop.py::fail', '--args', '[1]');
    assert.equal(text.code, 1);
    assert.match(text.stderr, /File "helpers.py", line 2, in divide/);
    assert.match(text.stderr, /ZeroDivisionError: division by zero/);
  });

  it('exits with 2 for what can not be run, and says what was meant', async () => {
    const unknown = await workspace.run('run', 'shop.py::gret');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /Did you mean greet\?/);
    const argument = await workspace.run('run', 'shop.py::fail', '--json');
    assert.equal(argument.code, 2);
    assert.match(argument.stderr, /fail needs value/);
    assert.equal(jsonLines(argument.stdout)[0]?.['code'], 'invalid');
    assert.equal((await workspace.run('run', '--nonsense')).code, 2);
    assert.equal((await workspace.run('run')).code, 2);
  });

  it('exits with 4 for a GPU that is not there, and runs on CPU only when told to', async () => {
    const refused = await workspace.run('run', 'shop.py::infer', '--json');
    const lines = jsonLines(refused.stdout);
    assert.equal(refused.code, 4, refused.stdout);
    assert.equal(ofType(lines, 'error')[0]?.['kind'], 'capacity');
    assert.match(String(ofType(lines, 'error')[0]?.['hint']), /CPU/i);
    assert.deepEqual(
      endsOf(lines).map(([phase]) => phase),
      [...phases],
    );
    const { code, stdout, stderr } = await workspace.run('run', 'shop.py::infer', '--cpu');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '"inferred"\n');
    assert.match(stderr, /on CPU/);
  });

  it('cancels on Ctrl-C and exits with 130', async () => {
    const running = workspace.start(['run', 'shop.py::sleep', '--json']);
    await running.printed(/sleeping/);
    running.interrupt();
    const { code, stdout } = await running.ended;
    assert.equal(code, 130, stdout);
    const lines = jsonLines(stdout);
    assert.equal(ofType(lines, 'ended')[0]?.['status'], 'cancelled');
    const { runs } = await keeper.request('run.list', { limit: 100 });
    assert.ok(runs.every(({ status }) => status !== 'active'));
  });

  it('runs a method with constructor arguments', async () => {
    const { code, stdout, stderr } = await workspace.run(
      'run',
      'shop.py::Adder.add',
      '--args',
      '[2]',
      '--instance-args',
      '[40]',
    );
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '42\n');
  });

  it('runs a local entrypoint here and what it calls on the runtime, in one log', async () => {
    const { code, stdout } = await workspace.run('run', 'shop.py::main', '--args', '[4]', '--json');
    assert.equal(code, 0, stdout);
    const texts = ofType(jsonLines(stdout), 'log').map(({ text }) => String(text));
    assert.deepEqual(
      texts.filter((text) => !text.startsWith('squaring')),
      ['local start', 'map: 14', 'remote: 81'],
    );
    assert.deepEqual(
      texts.filter((text) => text.startsWith('squaring')).sort(),
      [0, 1, 2, 3, 9].map((value) => `squaring ${String(value)}`),
    );
    const batch = ofType(jsonLines(stdout), 'batch').at(-1);
    // Of its five calls, one is no input of the map.
    assert.deepEqual([batch?.['done'], batch?.['total'], batch?.['complete']], [4, 4, true]);
  });

  it('exits with 1 when a local entrypoint raises', async () => {
    const { code, stdout } = await workspace.run('run', 'shop.py::broken', '--json');
    assert.equal(code, 1, stdout);
    const lines = jsonLines(stdout);
    const [error] = ofType(lines, 'error');
    assert.equal(error?.['exception'], 'KeyError');
    assert.deepEqual(
      (error['traceback'] as { file: string; function: string }[]).map((f) => [f.file, f.function]),
      [['shop.py', 'broken']],
    );
  });

  it('ends a local entrypoint and its processes on Ctrl-C', async () => {
    const running = workspace.start(['run', 'shop.py::lingering']);
    const pid = Number((await running.printed(/child (\d+)/))[1]);
    await running.printed(/sleeping/);
    running.interrupt();
    assert.equal((await running.ended).code, 130);
    assert.ok(!isAlive(pid));
  });

  it('saves the result where it is told to', async () => {
    const { code } = await workspace.run('run', 'shop:gpu_app', '--cpu', '-o', 'result.json');
    assert.equal(code, 0);
    assert.equal(readFileSync(join(workspace.files, 'result.json'), 'utf8'), '"inferred"\n');
  });

  it('is listed while it goes on, shows its log elsewhere, and ends when it is stopped', async () => {
    const running = workspace.start(['run', 'shop.py::sleep', '--json']);
    await running.printed(/sleeping/);
    const ps = JSON.parse((await workspace.run('ps', '--json')).stdout) as {
      runs: { run: string; status: string; qualname: string }[];
      containers: { container: string; state: string; runs: string[] }[];
    };
    assert.deepEqual(
      ps.runs.map(({ qualname, status }) => [qualname, status]),
      [['sleep', 'active']],
    );
    const id = ps.runs[0]?.run ?? '';
    const busy = ps.containers.find(({ runs }) => runs.includes(id));
    assert.equal(busy?.state, 'busy');
    const logs = workspace.start(['logs', id]);
    await logs.printed(/sleeping/);
    const stopped = await workspace.run('stop', busy.container);
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.equal((await running.ended).code, 130);
    assert.equal((await logs.ended).code, 0);
    assert.match((await workspace.run('ps', '--all')).stdout, /shop.py::sleep/);
    assert.equal((await workspace.run('logs', 'run-nosuchrun00')).code, 2);
  });

  for (const target of ['sleep', 'lingering'] as const) {
    it(`ends by itself on SIGTERM when the runtime answers nothing, ${target} and all`, async () => {
      const own = new Workspace({ 'shop.py': APP, 'helpers.py': HELPERS });
      const connected = new Promise<Socket>((resolve) => tether.once('connection', resolve));
      try {
        const { port } = tether.address() as AddressInfo;
        const kwargs = JSON.stringify({ tether: port });
        const running = own.start(['run', `shop.py::${target}`, '--kwargs', kwargs]);
        const container = await connected;
        // A process that is killed resets its connection.
        container.on('error', () => container.destroy());
        const gone = new Promise((resolve) => container.resume().once('close', resolve));
        await running.printed(/sleeping/);
        const [runtime = 0] = own.runtimePids();
        process.kill(runtime, 'SIGSTOP');
        const began = performance.now();
        running.terminate();
        const { code, stderr } = await running.ended;
        assert.equal(code, 130, stderr);
        assert.match(stderr, /does not answer/);
        assert.ok(performance.now() - began < 30_000);
        assert.ok(!isAlive(runtime), 'the runtime that it started');
        await gone;
        const child = /child (\d+)/.exec(running.stdout)?.[1];
        assert.equal(child !== undefined, target === 'lingering');
        assert.ok(child === undefined || !isAlive(Number(child)));
      } finally {
        for (const pid of own.runtimePids().filter(isAlive)) process.kill(pid, 'SIGKILL');
        own.remove();
      }
    });
  }

  it('starts a runtime when there is none, and leaves no process behind', async () => {
    const own = new Workspace({ 'shop.py': APP, 'helpers.py': HELPERS });
    try {
      const { code, stdout, stderr } = await own.run('run', 'shop.py::square', '--args', '[3]');
      assert.equal(code, 0, stderr);
      assert.equal(stdout, 'squaring 3\n9\n');
      const pids = own.runtimePids();
      assert.equal(pids.length, 1);
      assert.ok(pids.every((pid) => !isAlive(pid)));
      assert.ok(!existsSync(join(own.home, 'runtime.json')));
      const logs = await own.run(
        'logs',
        /run-\w+/.exec((await own.run('ps', '--all')).stdout)?.[0] ?? '',
      );
      assert.match(logs.stdout, /squaring 3/, 'the log of a run outlives its runtime');
    } finally {
      own.remove();
    }
  });
});
