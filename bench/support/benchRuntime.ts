/** A real runtime in a home of its own, a connection to it, and workspaces for it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { ClientConnection, RunHandle } from '../../src/client/api';
import { VelarError } from '../../runtime/protocol/errors';
import { WorkspaceBundler } from '../../src/client/bundle/workspaceBundler';
import { connect } from '../../src/client/connection';
import { ensureEmbeddedRuntime, type EmbeddedRuntimeAddress } from '../../src/client/embedded';
import { findPython } from '../../src/client/python';

/** The benches are compiled into .build/bench, two folders below the root. */
const ROOT = resolve(__dirname, '..', '..');

export const distPath = join(ROOT, 'dist');

export interface BenchRuntime {
  connection: ClientConnection;
  address: EmbeddedRuntimeAddress;
  python: string;
  /** VELAR_HOME of the runtime. */
  home: string;
  bundler: WorkspaceBundler;
  /** A folder with these files, in a place that goes with the runtime. */
  workspace(files: Readonly<Record<string, string>>): Promise<string>;
  dispose(): Promise<void>;
}

/** `engine`: where it places containers; the process engine where it is not given. */
export async function startBenchRuntime(engine?: 'docker'): Promise<BenchRuntime> {
  const folder = await mkdtemp(join(tmpdir(), 'velar-bench-'));
  const signal = new AbortController().signal;
  const python = (await findPython(undefined, signal, process.env)).executable;
  const address = await ensureEmbeddedRuntime({
    home: join(folder, 'home'),
    python,
    engine,
    runtimeScript: join(distPath, 'runtime.js'),
    execPath: process.execPath,
  });
  const connection = await connect(address, { client: { name: 'bench', version: '1' } });
  let workspaces = 0;
  return {
    connection,
    address,
    python,
    home: join(folder, 'home'),
    bundler: new WorkspaceBundler(),
    async workspace(files) {
      const root = join(folder, `workspace-${(workspaces += 1)}`);
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text);
      }
      return root;
    },
    async dispose() {
      await connection.close();
      if (!(await address.exited(20_000))) process.kill(address.pid, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Throws unless the run succeeds. */
export async function succeeds(handle: RunHandle): Promise<void> {
  const record = await handle.ended;
  if (record.status !== 'succeeded') {
    throw new Error(
      `The run ${record.status}: ${record.error?.text ?? record.error?.message ?? ''}`,
    );
  }
}

/** Ends all containers, so that the next run starts one. */
export async function stopContainers(connection: ClientConnection): Promise<void> {
  const { containers } = await connection.request('container.list', {});
  for (const { container } of containers) {
    try {
      await connection.request('container.stop', { container });
    } catch (error) {
      // It ended by itself meanwhile.
      if (VelarError.from(error).code !== 'not-found') throw error;
    }
  }
}

export interface Floor {
  url: string;
  dispose(): Promise<void>;
}

/** ws → pipe → Python → pipe → ws, in processes of their own; see floorServer.mjs. */
export async function startFloor(python: string): Promise<Floor> {
  const script = join(ROOT, 'bench', 'support', 'floorServer.mjs');
  const child: ChildProcess = spawn(process.execPath, [script, python], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('The floor server has no output.');
  const lines = createInterface({ input: child.stdout });
  const [port] = (await once(lines, 'line')) as [string];
  return {
    url: `ws://127.0.0.1:${port}`,
    async dispose() {
      const gone = once(child, 'exit');
      child.stdin?.end();
      await gone;
    },
  };
}
