import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeWorkerMessage } from '../../../runtime/protocol/workerFrames';
import { WorkerLink } from '../../../runtime/scheduling/workerLink';
import { app, errorOf, Harness, valueOf } from './harness';

const CALLS = 2_000;
/** Calls of endpoints: runs of a person go by way of the supervisor, which looks at their memory. */
const ENDPOINT = { qualname: 'f', endpointOf: 'test' } as const;

/** Prints by every way there is, as the call's number says, and returns what it printed. */
const PRINTER = `
import os, random, subprocess, sys, threading

@app.function()
def f(number):
    draw = random.Random(number)
    said = []
    for at in range(draw.choice([0, 0, 1, 1, 2, 5, 40])):
        line = "%d-%d-%s" % (number, at, "x" * draw.choice([0, 10, 10, 3000]))
        said.append(line)
        way = draw.random()
        if way < 0.5:
            print(line)
        elif way < 0.97:
            os.write(1, (line + "\\n").encode())
        else:
            subprocess.run(["printf", "%s\\n", line])
    if draw.random() < 0.3:
        said.append("rest")
        print("rest", end="")
    return said
`;

/** Cuts the socket that leads from the runner to the runtime; the one to the supervisor has no name. */
const CUT = `
import os, signal, socket, time

def cut():
    for name in os.listdir("/proc/self/fd"):
        try:
            line = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        with line:
            try:
                if line.getpeername():
                    line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
`;

describe("a runner's own line", function () {
  this.timeout(180_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  it('brings no result before what was printed, whoever printed it', async () => {
    const bundle = await harness.bundle(app(PRINTER));
    for (let number = 0; number < CALLS; number += 1) {
      const run = await harness.run(bundle, ENDPOINT, [number]);
      const { status } = await run.ended;
      assert.equal(status, 'succeeded');
      const lines = (await run.lines()).map(({ text }) => text);
      assert.deepEqual(lines, valueOf(run), `call ${String(number)}`);
    }
  });

  it('may be lost in a call, which goes on and ends as it would', async () => {
    const body = `${CUT}
@app.function()
def f(number):
    if number == 1:
        cut()
        time.sleep(0.3)
        print("went on")
    return [number, os.getpid()]`;
    const bundle = await harness.bundle(app(body));
    const values: unknown[] = [];
    for (const number of [0, 1, 2]) {
      const run = await harness.run(bundle, ENDPOINT, [number]);
      await run.ended;
      values.push(valueOf(run));
      const lines = (await run.lines()).map(({ text }) => text);
      assert.deepEqual(lines, number === 1 ? ['went on'] : []);
    }
    const pids = values.map((value) => (value as [number, number])[1]);
    assert.deepEqual(
      values,
      pids.map((pid, number) => [number, pid]),
    );
    assert.equal(new Set(pids).size, 1);
  });

  it('may be lost in a call that is then cancelled', async () => {
    const body = `${CUT}
@app.function()
def f(number):
    if number == 0:
        return
    cut()
    time.sleep(60)`;
    const bundle = await harness.bundle(app(body));
    await (
      await harness.run(bundle, ENDPOINT, [0])
    ).ended;
    const run = await harness.run(bundle, ENDPOINT, [1]);
    // The supervisor knows of the call by now: it looks at its memory.
    await run.until(({ type }) => type === 'memory');
    harness.service.cancel(run.id);
    assert.equal((await run.ended).status, 'cancelled');
    assert.equal(errorOf(run).kind, 'cancelled');
  });

  it('ends with a runner that is killed in a warm call, after all that it printed', async () => {
    const body = `
import os, signal
@app.function()
def f(number):
    if number == 0:
        return
    for at in range(500):
        os.write(1, b"%d\\n" % at)
    os.kill(os.getpid(), signal.SIGKILL)`;
    const bundle = await harness.bundle(app(body));
    await (
      await harness.run(bundle, ENDPOINT, [0])
    ).ended;
    const run = await harness.run(bundle, ENDPOINT, [1]);
    assert.equal((await run.ended).status, 'failed');
    assert.equal(errorOf(run).type, 'RunnerKilled');
    assert.equal((await run.lines()).length, 500);
    const next = await harness.run(bundle, ENDPOINT, [0]);
    assert.equal((await next.ended).status, 'succeeded');
  });

  it('tells again and again of the memory of a warm call that lasts', async () => {
    const body = `
import os, time
@app.function()
def f(gate):
    while not os.path.exists(gate):
        time.sleep(0.01)`;
    const bundle = await harness.bundle(app(body));
    const first = await harness.run(bundle, ENDPOINT, [harness.home]);
    await first.ended;
    const gate = join(harness.home, 'gate');
    const lasting = await harness.run(bundle, ENDPOINT, [gate]);
    await lasting.until(() => lasting.events.filter(({ type }) => type === 'memory').length >= 3);
    await writeFile(gate, '');
    assert.equal((await lasting.ended).status, 'succeeded');
  });
});

describe('the memory of a run', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
  });
  afterEach(() => harness.close());

  it('is told however quick it is, in a cold container and in a warm one', async () => {
    const bundle = await harness.bundle(app('@app.function()\ndef f():\n    return 1'));
    for (const container of ['cold', 'warm']) {
      const run = await harness.run(bundle, { qualname: 'f' });
      await run.ended;
      const samples = run.events.filter((event) => event.type === 'memory');
      assert.ok(samples.length > 0, container);
      assert.equal(samples.at(-1)?.phase, 'running', container);
      const peak = samples.at(-1)?.peakBytes ?? 0;
      assert.ok(peak > 4 << 20 && peak < 1 << 30, String(peak));
    }
    const unseen = await harness.run(bundle, ENDPOINT);
    await unseen.ended;
    assert.deepEqual(
      unseen.events.filter((event) => event.type === 'memory' && event.phase === 'running'),
      [],
    );
  });
});

describe('the hello of a runner', () => {
  let home: string;
  let link: WorkerLink;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'velar-line-'));
    link = await WorkerLink.listen(home, () => undefined);
  });
  afterEach(async () => {
    await link.dispose();
    await rm(home, { recursive: true, force: true });
  });

  function dial(token: string, runner?: number): Socket {
    const socket = connect(link.address);
    socket.on('error', () => undefined);
    const hello = { type: 'hello', protocol: 1, pid: 1, python: '3.11.0', container: 'c-1', token };
    socket.write(encodeWorkerMessage(runner === undefined ? hello : { ...hello, runner }));
    return socket;
  }
  const closed = (socket: Socket): Promise<unknown> =>
    new Promise((resolve) => socket.once('close', resolve));

  it('is refused with a wrong token, before its worker is there, and after that is gone', async () => {
    const expected = link.expect('c-1');
    await closed(dial(expected.token, 1));
    const worker = dial(expected.token);
    const connection = await expected.connected;
    const gone = new Promise<void>((resolve) => {
      connection.receive({
        message: () => undefined,
        log: () => undefined,
        closed: () => resolve(),
      });
    });
    const loads: number[] = [];
    const taken = new Promise<void>((resolve) => {
      connection.onRunner((load) => {
        loads.push(load);
        resolve();
      });
    });
    await closed(dial('forged', 7));
    const runner = dial(expected.token, 3);
    await taken;
    assert.deepEqual(loads, [3]);
    runner.destroy();
    worker.destroy();
    await gone;
    await closed(dial(expected.token, 4));
    assert.deepEqual(loads, [3]);
  });
});
