import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EndpointServer } from './endpointServer';
import { Workspace } from './velar';

const app = (version: string): string => `
import os, signal, time
import velar

app = velar.App("shop")


@app.endpoint()
def which():
    return "${version}"


@app.function(max_containers=1)
def held(path: str):
    print("held")
    while not os.path.exists(path):
        time.sleep(0.01)
    return "${version}"


@app.function(max_containers=1)
def stuck():
    time.sleep(600)


@app.function()
def die():
    os.kill(os.getpid(), signal.SIGKILL)


@app.function()
def size(text: str):
    return len(text)
`;

/** More calls of a function than may wait or run. */
const TOO_MANY = 1001;

describe('endpoints', function () {
  this.timeout(240_000);
  const workspace = new Workspace({ 'shop.py': app('one') });
  const server = new EndpointServer(workspace, 'shop');
  const velar = server.velar.bind(server);
  before(async () => {
    mkdirSync(workspace.home, { recursive: true });
    const prices = { date: '2026-11-24', currency: 'USD', cpuUsdPerHour: 1, gpus: [] };
    writeFileSync(join(workspace.home, 'prices.json'), JSON.stringify(prices));
    await server.start();
    await velar('deploy', 'shop.py');
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  it('finish what they began when another version takes over, and fail nothing', async () => {
    const gate = join(workspace.folder, 'gate');
    const started = await server.call('staging', 'held/calls', { path: gate });
    const { id } = (await started.json()) as { id: string };
    const waiting = server.call('staging', 'held', { path: gate });
    workspace.write('shop.py', app('two'));
    const { answers, failures } = await server.under('staging', 'which', {}, async () => {
      await velar('deploy', 'shop.py');
      assert.equal(await (await server.call('staging', 'which')).json(), 'two');
    });
    assert.deepEqual(failures, []);
    assert.deepEqual([...answers.keys()].sort(), ['"one"', '"two"']);
    writeFileSync(gate, '');
    const late = await waiting;
    assert.deepEqual([late.status, await late.json()], [200, 'one']);
    await velar('logs', id);
    const told = (await (await server.get('staging', `held/calls/${id}`)).json()) as {
      result: string;
    };
    assert.equal(told.result, 'one');
  });

  it('run the version that checked the arguments, though another one came while they did', async () => {
    const old = app('three').replace('def size(text: str)', 'def size(words: str)');
    workspace.write('shop.py', old.replace('len(text)', 'len(words)'));
    await velar('deploy', 'shop.py');
    const whole = await Promise.all(
      ['which', 'size'].map((name) => server.slowly('staging', name)),
    );
    const gone = app('four').replaceAll('which', 'other');
    workspace.write('shop.py', gone);
    await velar('deploy', 'shop.py');
    assert.equal((await server.call('staging', 'which')).status, 404);
    const [which, size] = await Promise.all([whole[0]?.('{}'), whole[1]?.('{"words": "four"}')]);
    assert.deepEqual(which, { status: 200, text: '"three"' });
    assert.deepEqual(size, { status: 200, text: '4' });
    workspace.write('shop.py', app('two'));
    await velar('deploy', 'shop.py');
  });

  it('take bodies up to a limit, and say so over it', async () => {
    const of = (characters: number): Promise<Response> =>
      server.call('staging', 'size', ['x'.repeat(characters)]);
    const fits = await of(1024 * 1024);
    assert.deepEqual([fits.status, await fits.json()], [200, 1024 * 1024]);
    const over = await of(17 * 1024 * 1024);
    const { error } = (await over.json()) as { error: { message: string } };
    assert.equal(over.status, 413);
    assert.match(error.message, /at most 16 MiB/);
  });

  it('say why and when to come again where the platform lost a call', async () => {
    const lost = await server.call('staging', 'die', {});
    const { error } = (await lost.json()) as { error: { kind: string } };
    assert.deepEqual([lost.status, error.kind], [503, 'infrastructure']);
    assert.match(lost.headers.get('retry-after') ?? '', /^\d+$/);
  });

  it('say when a budget that is spent begins anew', async () => {
    await velar('budget', 'set', '0.000000001', '--per', 'month');
    try {
      await (await server.call('staging', 'which')).text();
      const refused = await server.call('staging', 'which');
      const { error } = (await refused.json()) as { error: { type: string } };
      assert.deepEqual([refused.status, error.type], [503, 'BudgetSpent']);
      const now = new Date();
      const left = new Date(now.getFullYear(), now.getMonth() + 1).getTime() - now.getTime();
      const told = Number(refused.headers.get('retry-after'));
      assert.ok(told > 60 && Math.abs(told - left / 1000) < 60, `${told} s`);
    } finally {
      await velar('budget', 'remove', '--yes');
    }
  });

  it('ask to come again when too many calls of a function wait', async () => {
    const over = new AbortController();
    const waiting = Array.from({ length: TOO_MANY }, () =>
      server.call('staging', 'stuck', {}, {}, over.signal),
    );
    try {
      const refused = await Promise.race(waiting);
      const { error } = (await refused.json()) as { error: { message: string } };
      assert.equal(refused.status, 503);
      assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
      assert.match(error.message, /1000 calls of this function wait or run already/);
      const other = await server.call('staging', 'which');
      assert.equal(await other.json(), 'two', 'other functions go on');
    } finally {
      over.abort();
      await Promise.allSettled(waiting);
    }
  });

  it('go on serving after a runtime that crashed was started again', async () => {
    await velar('promote', 'shop', '--yes');
    await server.crash();
    await server.start();
    for (const environment of ['staging', 'production']) {
      assert.equal(await (await server.call(environment, 'which')).json(), 'two');
    }
  });
});
