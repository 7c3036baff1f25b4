/** Calls over HTTP that stand in line: real HTTP, a real scheduler, real Python. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDeploy, succeeded } from '../scheduling/deploying';
import { Harness as Scheduling } from '../scheduling/harness';
import { Harness as Serving } from './harness';

const LIMIT_MS = 1000;
/** How long the import of the app takes. */
const COLD_S = 3;

const source = `
import os, time
import velar

time.sleep(${COLD_S})

app = velar.App("shop")


@app.function(max_containers=1)
def held(gate=None):
    while gate and not os.path.exists(gate):
        time.sleep(0.01)
    return "done"

`;

describe('calls over HTTP that stand in line', function () {
  this.timeout(120_000);
  let scheduling: Scheduling;
  let serving: Serving;
  let headers: Record<string, string>;
  before(async () => {
    scheduling = await Scheduling.open({ waitLimitMs: LIMIT_MS });
    const { service, store } = scheduling;
    serving = await Serving.start({ service, store });
    await succeeded(await startDeploy(scheduling, { 'app.py': source }, 'staging'));
    const { key } = service.deployments.createKey('staging', 'test');
    headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  });
  after(async () => {
    await serving.stop();
    await scheduling.close();
  });

  const address = (path: string): string =>
    `http://127.0.0.1:${serving.server.port}/v1/endpoints/staging/shop/${path}`;
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(address(path), { method: 'POST', headers, body: JSON.stringify(body) });

  it('have as long as a container takes to come up for them', async () => {
    // A deploy leaves containers warm.
    const { service } = scheduling;
    await Promise.all(
      service.containers().map(({ container }) => service.stopContainer(container)),
    );
    const response = await post('held', {});
    assert.deepEqual([response.status, await response.json()], [200, 'done']);
  });

  it('are answered with what they wait for and when to come again; those that nobody waits for stay', async () => {
    const gate = join(scheduling.home, 'gate');
    const first = post('held', { gate });
    await scheduling.containersUntil((all) => all.some(({ state }) => state === 'busy'));
    const kept = (await (await post('held/calls', {})).json()) as { id: string };
    const response = await post('held', {});
    const { error } = (await response.json()) as { error: { type: string; message: string } };
    assert.equal(response.status, 503);
    assert.equal(error.type, 'WaitedTooLong');
    assert.match(
      error.message,
      /waited in line for 1 s and did not begin: waiting for a container: 1 of 1 containers of held busy; 2nd in line/,
    );
    const retryAfter = Number(response.headers.get('retry-after'));
    assert.ok(retryAfter > 10 + COLD_S, `${retryAfter} s: the cold start that was seen is in it`);
    const standing = async (): Promise<string> => {
      const told = await fetch(address(`held/calls/${kept.id}`), { headers });
      return ((await told.json()) as { status: string }).status;
    };
    assert.equal(await standing(), 'active');
    await writeFile(gate, '');
    assert.equal((await first).status, 200, 'what had begun is not limited');
    assert.equal((await scheduling.watch(kept.id).ended).status, 'succeeded');
  });
});
