/** What tests of images in Docker share: listeners, the engine's events, what containers print, a wheel. */
import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { capture } from '../../runtime/engines/children';
import type { BuildListener } from '../../runtime/engines/engine';
import { ImageBuildError } from '../../runtime/images/buildError';
import { findPython } from '../../runtime/images/python';
import type { RunError } from '../../runtime/protocol/values';

export const QUIET: BuildListener = { progress: () => undefined, output: () => undefined };
export const NEVER = new AbortController().signal;

/** What a listener hears. */
export function listening() {
  const progress: string[] = [];
  let output = '';
  return {
    progress,
    output: () => output,
    listener: {
      progress: (detail: string) => void progress.push(detail),
      output: (text: string) => void (output += text),
    },
  };
}

/** What the engine tells of while `work` goes on, such as `image tag`. */
export async function engineEvents<T>(
  docker: Docker,
  work: () => Promise<T>,
): Promise<[T, string[]]> {
  const stream = (await docker.getEvents({})) as Readable;
  const events: string[] = [];
  const marked = new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const { Type, Action } = JSON.parse(line) as { Type: string; Action: string };
        if (Type === 'volume' && Action === 'create') resolve();
        else events.push(`${Type} ${Action}`);
      }
    });
  });
  const result = await work();
  // All that came before this volume is in the stream once the volume is.
  const volume = await docker.createVolume({});
  await marked;
  stream.destroy();
  await docker.getVolume(volume.name).remove();
  return [result, events];
}

/** What a command in a container of the image prints. */
export async function printed(docker: Docker, image: string, command: string[]): Promise<string> {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: command.slice(0, 1),
    Cmd: command.slice(1),
    HostConfig: { NetworkMode: 'none' },
  });
  try {
    await container.start();
    await container.wait();
    const log = await container.logs({ stdout: true, stderr: true });
    // A frame's header is 8 bytes.
    let text = '';
    for (let at = 0; at < log.length;) {
      const size = log.readUInt32BE(at + 4);
      text += log.subarray(at + 8, at + 8 + size).toString();
      at += 8 + size;
    }
    return text;
  } finally {
    await container.remove({ force: true });
  }
}

/** The error of a run that a build failed with. */
export async function failure(ensured: Promise<unknown>): Promise<RunError> {
  try {
    await ensured;
  } catch (error) {
    assert.ok(error instanceof ImageBuildError, String(error));
    return error.runError;
  }
  throw new Error('It did not fail.');
}

/** A package that needs nothing from any index. */
export async function wheel(): Promise<Buffer> {
  const script = [
    'import io, sys, zipfile',
    'data, info = io.BytesIO(), "velartestpkg-1.0.dist-info"',
    'with zipfile.ZipFile(data, "w") as z:',
    '    z.writestr("velartestpkg.py", "VALUE = 42\\n")',
    '    z.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: velartestpkg\\nVersion: 1.0\\n")',
    '    z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
    '    z.writestr(f"{info}/RECORD", "")',
    'print(data.getvalue().hex())',
  ].join('\n');
  const { executable } = await findPython({ environment: process.env });
  const made = await capture({ command: executable, args: ['-c', script], env: {} });
  assert.equal(made.exit.code, 0, made.stderr);
  return Buffer.from(made.stdout.trim(), 'hex');
}
