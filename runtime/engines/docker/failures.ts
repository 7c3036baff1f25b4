/** What the Docker engine answers, as what it means and what to do about it. Pure. */
import { VelarError } from '../../protocol/errors';
import { CDI_REMEDY, TOOLKIT_REMEDY } from './deviceRequest';

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
  if (isGone(error)) {
    return new VelarError('unreachable', 'The Docker engine is gone.', {
      hint: 'Start it with `sudo systemctl start docker`, then run again.',
      cause: error,
    });
  }
  return new VelarError('internal', `Docker could not start the container: ${said}.`, {
    cause: error,
  });
}

/** True where nobody answers at the engine's socket, or it hung up. */
export function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'].includes(code ?? '');
}

/** The engine's answer to a request for what does not exist. */
export function isNotFound(error: unknown): boolean {
  return (error as { statusCode?: number }).statusCode === 404;
}

function saidBy(error: unknown): string {
  const { json, message } = error as { json?: { message?: string } | null; message?: string };
  return (json?.message ?? message ?? String(error)).trim().replace(/\.$/, '');
}
