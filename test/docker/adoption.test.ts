import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { WorkspaceBundler } from '../../src/client/bundle/workspaceBundler';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import { connect } from '../../src/client/connection';
import { startRun } from '../../src/client/runs';
import { LABEL } from '../../runtime/engines/docker/createOptions';
import { findLeft } from '../../runtime/engines/docker/leftovers';
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
  async function start(): Promise<{ url: string; token: string; pid: number }> {
    const script = resolve('dist', 'runtime.js');
    const flags = ['--embedded', '--engine', 'docker', '--home', join(folder, 'home')];
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
    const { left, removed } = await findLeft(docker, 'rt-left', assert.fail);
    assert.deepEqual([left, removed], [[], [looking.id]]);
    await assert.rejects(looking.inspect(), { statusCode: 404 });
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
