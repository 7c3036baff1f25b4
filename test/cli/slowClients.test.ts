/** HTTP clients that read an endpoint's items slowly, late or never. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EndpointServer } from './endpointServer';
import { Workspace } from './velar';

const ITEMS = 4000;
const ITEM_BYTES = 64 * 1024;
const MIB = 1024 ** 2;
const ALL_MIB = (ITEMS * ITEM_BYTES) / MIB;

const source = `
import velar

app = velar.App("shop")


def make(count, path):
    for number in range(count):
        with open(path, "w") as file:
            file.write(str(number))
        yield str(number).ljust(${ITEM_BYTES}, "x")


@app.function(timeout=600)
def items(count: int, path: str):
    yield from make(count, path)


@app.function(timeout=600, max_concurrent_inputs=4)
def beside(count: int, path: str):
    yield from make(count, path)
`;

describe('clients that are slow to read items', function () {
  this.timeout(240_000);
  const workspace = new Workspace({ 'shop.py': source });
  const server = new EndpointServer(workspace, 'shop');
  const path = join(workspace.folder, 'made');
  before(async () => {
    await server.start();
    await server.velar('deploy', 'shop.py');
  });
  beforeEach(() => rmSync(path, { force: true }));
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  /** Resolves with an answer of which nothing is read yet. */
  const call = (name: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = request(
        server.address('staging', name),
        {
          method: 'POST',
          headers: {
            authorization: `Bearer ${server.keys['staging'] ?? ''}`,
            'content-type': 'application/json',
          },
        },
        resolve,
      );
      sent.on('error', reject);
      sent.end(JSON.stringify({ count: ITEMS, path }));
    });
  const made = (): number => {
    try {
      return Number(readFileSync(path, 'utf8'));
    } catch {
      return 0;
    }
  };
  /** Resolves when the function makes no more. */
  const still = async (): Promise<number> => {
    for (let before = -1; ;) {
      const now = made();
      if (now > 0 && now === before) return now;
      before = now;
      await pause(1000);
    }
  };
  const memoryMib = (): number => {
    const pid = workspace.runtimePids().at(-1);
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1024;
  };

  /** Resolves with the error of a call once it is over. */
  const endOf = async (id: string): Promise<string> => {
    await server.velar('logs', id);
    const text = await server.velar('ps', '--all', '--endpoints', '--json');
    const { runs } = JSON.parse(text) as { runs: { run: string; error: { message: string } }[] };
    return runs.find(({ run }) => run === id)?.error.message ?? '';
  };

  it('let the function wait, and have every item in order once they read', async () => {
    const before = memoryMib();
    const response = await call('items');
    const ahead = ((await still()) * ITEM_BYTES) / MIB;
    assert.ok(ahead < ALL_MIB / 4, `${ahead} MiB were made for nobody`);
    const more = memoryMib() - before;
    assert.ok(more < ALL_MIB / 2, `${more} MiB of memory`);
    const numbers: number[] = [];
    let rest = '';
    for await (const part of response.setEncoding('utf8') as AsyncIterable<string>) {
      const events = (rest + part).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const number = /^event: item\nid: \d+\ndata: "(\d+)x/.exec(event)?.[1];
        if (number !== undefined) numbers.push(Number(number));
        else assert.match(event, /^event: end\n/);
      }
    }
    assert.deepEqual(
      numbers,
      Array.from({ length: ITEMS }, (_, index) => index),
    );
    const after = memoryMib() - before;
    assert.ok(after < ALL_MIB / 2, `${after} MiB of memory for ${ALL_MIB} MiB of items`);
  });

  it('are given up where the function works on other calls beside theirs, and the run says why', async () => {
    const response = await call('beside');
    const id = String(response.headers['velar-request-id']);
    assert.match(await endOf(id), /The client read too slowly: 16 MiB of items waited for it/);
    response.on('error', () => undefined).destroy();
    assert.ok(made() < ITEMS - 1);
  });

  it('let the function end when they go, however much waits for them', async () => {
    const response = await call('items');
    await still();
    response.on('error', () => undefined).destroy();
    const id = String(response.headers['velar-request-id']);
    assert.match(await endOf(id), /The client went away before it had the answer/);
    const next = await server.call('staging', 'items', { count: 2, path });
    assert.match(await next.text(), /event: end/, 'its container goes on');
  });
});
