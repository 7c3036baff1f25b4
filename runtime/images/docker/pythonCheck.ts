/** Which Python an image has: the worker is started with it. */
import type Docker from 'dockerode';
import { HARDENED } from '../../engines/docker/hardening';
import { VelarError } from '../../protocol/errors';
import { exitCode } from './exitCode';
import { engineWords } from './failures';

/** The program's name on the image's PATH, and its version such as `3.11`. */
export interface ImagePython {
  executable: string;
  version: string;
}

/** The oldest Python that the worker runs on: 3.8. */
const OLDEST_MINOR = 8;
/** Exit codes say the version, so that nothing of the container has to be read. */
const MINOR_FROM = 100;
const TOO_OLD = 99;
const PROBE = `import sys; sys.exit(${MINOR_FROM} + sys.version_info[1] if sys.version_info[0] == 3 else ${TOO_OLD})`;

/** Room for one Python that imports nothing. */
const LIMITS = { PidsLimit: 32, Memory: 256 * 1024 * 1024, MemorySwap: 256 * 1024 * 1024 };

/** Who looks. */
export interface Looking {
  /** Say whose the container is, should a crash leave it. */
  labels: Readonly<Record<string, string>>;
  /** `uid:gid` that workers run as: what they can't start is not there for them. */
  user: string;
}

/**
 * Tries `python3` and `python` in a container without network, hardened as workers' are, that is removed again.
 * Resolves to why there is none, where there is none; throws `cancelled`, and what the client throws.
 */
export async function findImagePython(
  docker: Docker,
  image: string,
  looking: Looking,
  signal: AbortSignal,
): Promise<ImagePython | { problem: string }> {
  const problems: string[] = [];
  for (const executable of ['python3', 'python']) {
    if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    const code = await tryPython(docker, image, executable, looking);
    const minor = typeof code === 'number' ? code - MINOR_FROM : undefined;
    if (minor !== undefined && minor >= OLDEST_MINOR && minor < MINOR_FROM) {
      return { executable, version: `3.${minor}` };
    }
    problems.push(`${executable} ${problemOf(code)}`);
  }
  return { problem: problems.join(', ') };
}

function problemOf(code: number | string): string {
  if (typeof code === 'string') {
    if (/not found|no such file/i.test(code)) return 'is not there';
    if (/exec format error/i.test(code)) return 'is made for another architecture';
    return `does not start (${code})`;
  }
  if (code === TOO_OLD) return 'is Python 2';
  if (code >= MINOR_FROM && code < MINOR_FROM + OLDEST_MINOR) {
    return `is Python 3.${code - MINOR_FROM}`;
  }
  return `ended with exit code ${code}`;
}

/** Its exit code, or why the container can't start it. */
async function tryPython(
  docker: Docker,
  image: string,
  executable: string,
  { labels, user }: Looking,
): Promise<number | string> {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: [executable],
    Cmd: ['-I', '-S', '-c', PROBE],
    User: user,
    // The image's own may be a folder that it lacks, or that this user may not enter.
    WorkingDir: '/',
    NetworkDisabled: true,
    Labels: { ...labels, 'velar.check': 'python' },
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      ...HARDENED,
      ...LIMITS,
      NetworkMode: 'none',
      LogConfig: { Type: 'none', Config: {} },
    },
  });
  try {
    await container.start();
    return await exitCode(container);
  } catch (error) {
    const { statusCode } = error as { statusCode?: unknown };
    if (statusCode !== 400 && statusCode !== 404 && statusCode !== 500) throw error;
    return engineWords(error);
  } finally {
    await container.remove({ force: true, v: true });
  }
}
