import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { buildImage } from '../../../../runtime/images/docker/build';
import { buildContext } from '../../../../runtime/images/docker/context';

const MEGABYTES = 40;

describe('sending a build context', () => {
  let folder: string;
  let server: Server;
  let read: () => void;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'velar-build-'));
    // A stand-in of an engine: it takes what it is sent only when the test lets it.
    server = createServer((request, response) => {
      read = () => request.resume();
      request.on('end', () => response.end('{"aux":{"ID":"sha256:1"}}\n'));
    });
    await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('tells how much of it an engine that takes it slowly has', async () => {
    const chunk = Buffer.alloc(1_000_000);
    const size = MEGABYTES * chunk.length;
    const open = (): Readable => Readable.from(Array<Buffer>(MEGABYTES).fill(chunk));
    const file = { name: 'big', mode: 0o644, path: 'big', size, sha256: '' };
    const told: string[] = [];
    const result = await buildImage({
      docker: new Docker({ socketPath: join(folder, 'engine.sock') }),
      context: buildContext('FROM x\n', [file], { open }),
      titles: [],
      tag: undefined,
      labels: {},
      credentials: {},
      arguments: {},
      listener: {
        progress: (detail) => {
          told.push(detail);
          if (/stalled for \d s$/.test(detail)) read();
        },
        output: () => undefined,
      },
      signal: new AbortController().signal,
    });
    assert.deepEqual(result, { id: 'sha256:1' });
    assert.match(told[0] ?? '', /^sending files to the engine · [\d.]+ of 40 MB/);
    assert.match(told.at(-1) ?? '', /^sending files to the engine · [\d.]+ of 40 MB/);
    assert.ok(!told.some((line) => line.includes(' 40 of 40 ')), 'what waits is not taken');
  });
});
