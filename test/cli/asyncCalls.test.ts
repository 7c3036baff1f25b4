/** Calls of endpoints that nobody waits for: real HTTP, a real runtime, a real deployment. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EndpointServer } from './endpointServer';
import { Workspace } from './velar';

const source = `
import os, time
import velar

app = velar.App("shop")


@app.function()
def double(number: int):
    return number * 2


@app.function()
def fail():
    raise ValueError("no such luck")


@app.function()
def large():
    return "x" * (1024 * 1024)


@app.function(max_containers=1)
def held(path: str):
    while not os.path.exists(path):
        time.sleep(0.01)
    return path


@app.function(max_containers=1)
def stuck():
    time.sleep(600)
`;

interface Standing {
  id: string;
  status: string;
  ms: number | null;
  keptForMs: number;
  expiresAt: number | null;
  result?: unknown;
  error?: { kind: string; type: string; message: string; hint?: string };
  note?: string;
}

const DAY_MS = 24 * 3_600_000;
const MAX_OPEN = 1000;

describe('calls that nobody waits for', function () {
  this.timeout(240_000);
  const workspace = new Workspace({ 'shop.py': source });
  const server = new EndpointServer(workspace, 'shop');

  before(async () => {
    await server.start();
    await server.velar('deploy', 'shop.py');
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  const start = async (
    qualname: string,
    body: unknown,
    key?: string,
  ): Promise<{ code: number; told: Standing; response: Response }> => {
    const headers = key === undefined ? {} : { 'idempotency-key': key };
    const response = await server.call('staging', `${qualname}/calls`, body, headers);
    return { code: response.status, told: (await response.json()) as Standing, response };
  };
  const ask = async (path: string): Promise<{ code: number; told: Standing }> => {
    const response = await server.get('staging', path);
    return { code: response.status, told: (await response.json()) as Standing };
  };
  /** Logs end with the run. */
  const ended = (id: string): Promise<string> => server.velar('logs', id);
  const remove = async (path: string): Promise<number> => {
    const response = await fetch(server.address('staging', path), {
      method: 'DELETE',
      headers: { authorization: `Bearer ${server.keys['staging'] ?? ''}` },
    });
    return response.status;
  };

  it('are told where they stand, and until when the result is kept', async () => {
    const gate = join(workspace.folder, 'gate');
    const { code, told, response } = await start('held', { path: gate });
    assert.equal(code, 202);
    assert.deepEqual(
      [told.status, told.ms, told.expiresAt, told.keptForMs],
      ['active', null, null, DAY_MS],
    );
    const location = new URL(response.headers.get('location') ?? '', server.url).href;
    assert.equal(location, server.address('staging', `held/calls/${told.id}`));
    const before = Date.now();
    writeFileSync(gate, '');
    await ended(told.id);
    const { told: later } = await ask(`held/calls/${told.id}`);
    assert.deepEqual([later.status, later.result], ['succeeded', gate]);
    assert.ok(later.expiresAt !== null);
    assert.ok(later.expiresAt >= before + DAY_MS && later.expiresAt <= Date.now() + DAY_MS);
    const failed = await start('fail', {});
    await ended(failed.told.id);
    const { told: why } = await ask(`fail/calls/${failed.told.id}`);
    assert.deepEqual([why.status, why.error?.type], ['failed', 'ValueError']);
    assert.ok(!JSON.stringify(why).includes('shop.py'), 'no traceback goes out');
  });

  it('are the same for the same idempotency key, and refused with other arguments', async () => {
    const first = await start('double', { number: 4 }, 'a');
    const [again, other, without] = await Promise.all([
      start('double', { number: 4 }, 'a'),
      start('double', { number: 4 }, 'b'),
      start('double', { number: 4 }),
    ]);
    assert.equal(again.told.id, first.told.id);
    const ids = new Set([first, again, other, without].map(({ told }) => told.id));
    assert.equal(ids.size, 3);
    const changed = await start('double', { number: 5 }, 'a');
    assert.equal(changed.code, 409);
    assert.match(changed.told.error?.message ?? '', /Key "a" came with other arguments/);
    const elsewhere = await start('fail', {}, 'a');
    assert.equal(elsewhere.code, 202, 'keys are of one function');
    assert.equal((await start('double', { number: 4 }, 'k'.repeat(256))).code, 400);
    const bad = await start('double', { number: 4, more: 1 }, 'c');
    assert.equal(bad.code, 422);
    assert.equal(
      (await start('double', { number: 4 }, 'c')).code,
      202,
      'a refused call takes no key',
    );
  });

  it('are known to their function and environment only, and answered in words once they are gone', async () => {
    const { told } = await start('double', { number: 1 });
    await ended(told.id);
    assert.equal((await ask(`double/calls/${told.id}`)).told.result, 2);
    assert.equal((await ask(`fail/calls/${told.id}`)).code, 404);
    assert.equal((await server.get('production', `double/calls/${told.id}`)).status, 404);
    assert.equal((await ask('double/calls/run-unknown00000')).code, 404);
    assert.equal(await remove(`fail/calls/${told.id}`), 404);
    assert.equal(await remove(`double/calls/${told.id}`), 204);
    const gone = await ask(`double/calls/${told.id}`);
    assert.equal(gone.code, 410);
    assert.match(gone.told.error?.message ?? '', /Nothing of call run-\w+ is kept here/);
    assert.match(gone.told.error?.hint ?? '', /kept for 24 hours from their end on/);
    const waited = await server.call('staging', 'double', { number: 1 });
    const id = waited.headers.get('velar-request-id') ?? '';
    assert.equal((await ask(`double/calls/${id}`)).code, 410, 'its result went to who waited');
  });

  it('are cancelled when they are removed', async () => {
    const { told } = await start('stuck', {});
    assert.equal(await remove(`stuck/calls/${told.id}`), 204);
    await ended(told.id);
    const listed = async (...flags: string[]): Promise<{ run: string; status: string }[]> => {
      const text = await server.velar('ps', '--all', '--json', ...flags);
      return (JSON.parse(text) as { runs: { run: string; status: string }[] }).runs;
    };
    const calls = await listed('--endpoints');
    assert.equal(calls.find(({ run }) => run === told.id)?.status, 'cancelled');
    assert.ok(!(await listed()).some(({ run }) => run === told.id), 'no run of a person');
  });

  it('say where a result is too large to be kept', async () => {
    const { told } = await start('large', {});
    await ended(told.id);
    await server.stop();
    await server.start();
    const { told: later } = await ask(`large/calls/${told.id}`);
    assert.deepEqual([later.status, 'result' in later], ['succeeded', false]);
    assert.match(later.note ?? '', /more than 1048576 characters/);
  });

  it('are kept, with their keys, over a restart; those that went on have failed', async () => {
    const { told } = await start('double', { number: 21 }, 'kept');
    await ended(told.id);
    const lost = await start('stuck', {});
    const before = await ask(`double/calls/${told.id}`);
    await server.crash();
    await server.start();
    assert.deepEqual(await ask(`double/calls/${told.id}`), before);
    assert.equal((await start('double', { number: 21 }, 'kept')).told.id, told.id);
    assert.equal((await start('double', { number: 22 }, 'kept')).code, 409);
    const { told: failed } = await ask(`stuck/calls/${lost.told.id}`);
    assert.deepEqual([failed.status, failed.error?.type], ['failed', 'RuntimeStopped']);
    assert.ok(failed.expiresAt !== null);
  });

  it('wait in a queue of the same length as others', async () => {
    const ids: string[] = [];
    try {
      for (let left = MAX_OPEN; left > 0; left -= 100) {
        const more = await Promise.all(Array.from({ length: 100 }, () => start('stuck', {})));
        ids.push(...more.map(({ told }) => told.id));
      }
      const over = await start('stuck', {});
      assert.equal(over.code, 503);
      assert.match(over.response.headers.get('retry-after') ?? '', /^\d+$/);
      assert.match(over.told.error?.message ?? '', /1000 calls of this function wait or run/);
      assert.equal((await server.call('staging', 'stuck', {})).status, 503);
      assert.equal((await start('double', { number: 1 })).code, 202, 'other functions go on');
      const [first = ''] = ids;
      assert.equal(await remove(`stuck/calls/${first}`), 204);
      await ended(first);
      const next = await start('stuck', {});
      assert.equal(next.code, 202, 'a place is free again');
      ids.push(next.told.id);
    } finally {
      await Promise.all(ids.map((id) => remove(`stuck/calls/${id}`)));
    }
  });
});
