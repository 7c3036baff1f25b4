/** What the Docker engine answers, as what it means and what to do about it. Pure. */
import { VelarError } from '../../protocol/errors';
import { CDI_REMEDY, TOOLKIT_REMEDY } from './deviceRequest';

/** What is between this process and the engine, where that and not the engine's answer is the failure. */
type Fault = 'forbidden' | 'absent' | 'stopped' | 'hung up';

/**
 * Why the engine at this socket can't be used, and what to do about it; undefined for every other failure, such as
 * an answer of the engine.
 */
export function engineFault(error: unknown, socket: string): VelarError | undefined {
  switch (faultOf(error)) {
    case 'forbidden':
      return new VelarError('unauthorised', `This user may not use Docker at ${socket}.`, {
        hint: 'Run `sudo usermod -aG docker $USER`, log in again, and start the runtime again.',
        cause: error,
      });
    case 'absent':
      return new VelarError('unreachable', `There is no Docker engine at ${socket}.`, {
        hint: 'Start it with `sudo systemctl start docker`; where it is not installed, see https://docs.docker.com/engine/install/.',
        cause: error,
      });
    case 'stopped':
      return new VelarError('unreachable', `The Docker engine at ${socket} is stopped.`, {
        hint: 'Start it with `sudo systemctl start docker`.',
        cause: error,
      });
    case 'hung up':
      return new VelarError('unreachable', `The Docker engine at ${socket} went away.`, {
        hint: 'Look with `sudo systemctl status docker`, and start it with `sudo systemctl start docker`.',
        cause: error,
      });
    case undefined:
      return undefined;
  }
}

/** Awaits what the engine is asked for; where it can't be asked, that is thrown with its remedy. */
export async function asked<T>(socket: string, request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw engineFault(error, socket) ?? error;
  }
}

/** The engine's words for a failed create or start, with the remedy where it is known. */
export function startFailure(error: unknown): VelarError {
  const said = saidBy(error);
  // First: a device that CDI can't find may bear NVIDIA's name.
  const cdi = /CDI device injection failed|unresolvable CDI/i.test(said);
  if (cdi || /could not select device driver|nvidia-container|libnvidia-ml/i.test(said)) {
    return new VelarError('unsupported', `Docker can't give a GPU to a container: ${said}.`, {
      hint: cdi ? CDI_REMEDY : TOOLKIT_REMEDY,
      cause: error,
    });
  }
  if (/no space left on device/i.test(said)) {
    return new VelarError('disk-full', `The disk of the Docker engine is full: ${said}.`, {
      hint: 'Free some space with `velar storage` or `docker system prune`, then run again.',
      cause: error,
    });
  }
  return new VelarError('internal', `Docker could not start the container: ${said}.`, {
    cause: error,
  });
}

/** True where nobody answers at the engine's socket, or it hung up. */
export function isGone(error: unknown): boolean {
  const fault = faultOf(error);
  return fault !== undefined && fault !== 'forbidden';
}

/** Of a socket only: files that a request reads fail with the same codes. */
function faultOf(error: unknown): Fault | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return 'hung up';
  if (code === 'EPIPE' && syscall === 'write') return 'hung up';
  if (syscall !== 'connect') return undefined;
  if (code === 'EACCES' || code === 'EPERM') return 'forbidden';
  if (code === 'ENOENT') return 'absent';
  return code === 'ECONNREFUSED' ? 'stopped' : undefined;
}

/** The engine's answer to a request for what does not exist. */
export function isNotFound(error: unknown): boolean {
  return (error as { statusCode?: number }).statusCode === 404;
}

function saidBy(error: unknown): string {
  const { json, message } = error as { json?: { message?: string } | null; message?: string };
  return (json?.message ?? message ?? String(error)).trim().replace(/\.$/, '');
}
