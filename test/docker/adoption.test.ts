import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { WorkspaceBundler } from '../../src/client/bundle/workspaceBundler';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import { connect } from '../../src/client/connection';
import { startRun } from '../../src/client/runs';
import { INSIDE, LABEL } from '../../runtime/engines/docker/createOptions';
import { findLeft } from '../../runtime/engines/docker/leftovers';
import { WorkerPackages } from '../../runtime/engines/docker/workerPackages';
import { PYTHON_PACKAGES } from '../runtime/scheduling/harness';
import { baseImage, dockerApp, dockerClient } from './support';

const BODY = [
  'def count():',
  '    import os, sys',
  '    sys.modules.setdefault("calls", []).append(1)',
  '    return [os.environ["HOSTNAME"], len(sys.modules["calls"])]',
].join('\n');

describe('A Docker runtime that crashes and is started again', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-adoption-'));
    await mkdir(join(folder, 'workspace'));
    await writeFile(join(folder, 'workspace', 'app.py'), dockerApp(BODY)['app.py'] ?? '');
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  /** A real runtime in a process of its own; resolves when it is ready. */
  async function start(
    home = join(folder, 'home'),
  ): Promise<{ url: string; token: string; pid: number }> {
    const script = resolve('dist', 'runtime.js');
    const flags = ['--embedded', '--engine', 'docker', '--home', home];
    child = spawn(process.execPath, [script, ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
    assert.ok(child.stdout);
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return JSON.parse(line) as { url: string; token: string; pid: number };
  }

  async function crash(): Promise<void> {
    assert.ok(child);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async function run(address: { url: string; token: string }): Promise<RunRecord> {
    const connection = await connect(address, { client: { name: 'test', version: '1' } });
    try {
      const root = join(folder, 'workspace');
      const target = { root, file: 'app.py', qualname: 'count', kind: 'function' } as const;
      const values = { args: [], kwargs: {} };
      const { ended } = startRun(connection, new WorkspaceBundler(), {
        ...target,
        arguments: values,
        cpu: false,
      });
      return await ended;
    } finally {
      await connection.close();
    }
  }

  const valueOf = (record: RunRecord): unknown => {
    assert.equal(record.status, 'succeeded', record.error?.message);
    return record.result !== null && 'value' in record.result ? record.result.value : undefined;
  };

  it('removes a container that only looked at an image when the crash came', async () => {
    const docker = dockerClient();
    const Labels = { [LABEL.runtime]: 'rt-left', 'velar.check': 'python' };
    const looking = await docker.createContainer({
      Image: baseImage(),
      Cmd: ['sleep', '600'],
      Labels,
    });
    await looking.start();
    const { left, removed } = await findLeft(docker, 'rt-left', assert.fail, assert.fail);
    assert.deepEqual([left, removed], [[], [looking.id]]);
    await assert.rejects(looking.inspect(), { statusCode: 404 });
  });

  it('adopts it with a home whose path is too long for a socket, too', async () => {
    const home = join(folder, 'h'.repeat(100));
    const first = valueOf(await run(await start(home))) as [string, number];
    await crash();
    assert.deepEqual(valueOf(await run(await start(home))), [first[0], 2]);
    assert.ok(child);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });

  it('keeps the packages that a left container has mounted, after an upgrade', async () => {
    const docker = dockerClient();
    const labels = { [LABEL.runtime]: 'rt-upgraded' };
    const packages = new WorkerPackages({
      docker,
      sources: PYTHON_PACKAGES,
      folder: join(folder, 'worker'),
      labels,
      warn: assert.fail,
    });
    const [used, unused] = ['used', 'unused'].map((name) => join(folder, 'worker', name));
    assert.ok(used !== undefined && unused !== undefined);
    await mkdir(used, { recursive: true });
    await mkdir(unused);
    const left = await docker.createContainer({
      Image: baseImage(),
      Cmd: ['sleep', '600'],
      Labels: labels,
      HostConfig: { Binds: [`${used}:${INSIDE.packages}:ro`] },
    });
    try {
      const newest = await packages.folder(baseImage(), { executable: 'python3', version: '3.11' });
      const names = await readdir(join(folder, 'worker'));
      assert.deepEqual(new Set(names), new Set(['used', basename(newest)]));
    } finally {
      await left.remove({ force: true });
    }
  });

  it('adopts the warm container with what it has loaded, and ends it in order later', async () => {
    const first = valueOf(await run(await start())) as [string, number];
    await crash();
    const again = await start();
    const record = await run(again);
    assert.deepEqual(valueOf(record), [first[0], 2]);
    assert.match(JSON.stringify(record.phases), /warm container/);
    assert.match(
      await readFile(join(folder, 'home', 'runtime.log'), 'utf8'),
      /Adopted container c-\w+ of an earlier runtime/,
    );
    assert.ok(child);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    const left = await dockerClient().listContainers({ all: true });
    assert.deepEqual(
      left.filter(({ Id }) => Id.startsWith(first[0])),
      [],
    );
  });
});
