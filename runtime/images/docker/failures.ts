/** What the engine says when it can't pull or build, as errors of a run. Pure. */
import type { ImagePlace } from '../../protocol/description';
import type { RunError } from '../../protocol/values';
import { pipFailure, placeTraceback, SHOWN_LINES } from '../buildError';
import type { Step } from './dockerfile';
import type { EngineFailure } from './dockerEvents';
import { DOCKER_HUB, registryOf } from './references';

/** `said`: the engine's words. `sent`: whether credentials went with the request. */
export function pullFailure(
  reference: string,
  said: string,
  sent: boolean,
  place: ImagePlace | undefined,
): RunError {
  const registry = registryOf(reference);
  const login = `docker login${registry === DOCKER_HUB ? '' : ` ${registry}`}`;
  const error = (
    kind: RunError['kind'],
    type: string,
    message: string,
    hint: string,
  ): RunError => ({
    kind,
    type,
    message,
    traceback: placeTraceback(place),
    hint,
  });
  const full = diskFull(said, place);
  if (full !== undefined) return full;
  if (/no matching manifest for|does not match the specified platform/i.test(said)) {
    const platform = /no matching manifest for (\S+)/.exec(said)?.[1];
    return error(
      'image',
      'ImageArchitecture',
      `${reference} is not made for this machine${platform === undefined ? '' : ` (${platform})`}.`,
      'Choose an image that is built for this architecture.',
    );
  }
  if (NO_SUCH_TAG.test(said)) {
    return error(
      'image',
      'ImageNotFound',
      `There is no image ${reference} in the registry ${registry}.`,
      'Check the name and the tag.',
    );
  }
  if (/unauthorized|authentication required|no basic auth|incorrect username/i.test(said)) {
    return error(
      'image',
      'RegistryLogin',
      sent
        ? `The registry ${registry} refused the credentials for ${reference}.`
        : `The registry ${registry} asks for credentials for ${reference}, and there are none.`,
      `Run \`${login}\` as the user that runs the runtime, then run again.`,
    );
  }
  if (/pull access denied|denied:|repository does not exist|name unknown/i.test(said)) {
    return error(
      'image',
      'ImageNotFound',
      `The registry ${registry} has no image ${reference}, or none that this user may pull.`,
      `Check the name; where it is private, run \`${login}\` and run again.`,
    );
  }
  if (UNREACHABLE.test(said)) {
    return error(
      'infrastructure',
      'RegistryUnreachable',
      `The registry ${registry} can't be reached, so ${reference} can't be pulled: ${said}`,
      "Check this machine's network, and the proxy settings of the Docker engine.",
    );
  }
  return error('image', 'PullFailed', `Pulling ${reference} failed: ${said}`, 'See the log.');
}

/** In the words of the engine's own store, and of containerd's. */
const NO_SUCH_TAG =
  /manifest unknown|manifest for .* not found|not found: manifest|failed to resolve reference .*: not found$/i;

const UNREACHABLE =
  /dial tcp|no such host|connection refused|i\/o timeout|TLS handshake timeout|Client\.Timeout|x509:|HTTP response to HTTPS|network is unreachable|connection reset|EOF$|proxyconnect/i;

export interface StepFailure {
  /** What failed; undefined for an instruction of a Dockerfile of the workspace. */
  step: Step | undefined;
  /** The instruction's text, where there is no step. */
  instruction: string | undefined;
  place: ImagePlace | undefined;
  failure: EngineFailure;
  /** The last lines that it printed. */
  printed: string;
}

export function stepFailure(failed: StepFailure): RunError {
  const { step, failure, printed, place } = failed;
  const full = diskFull(`${failure.message}\n${printed}`, place);
  if (full !== undefined) return full;
  const lines = printed.split('\n').filter((line) => line.trim() !== '');
  const common = {
    kind: 'image' as const,
    traceback: placeTraceback(place),
    ...(lines.length === 0 ? {} : { text: lines.slice(-SHOWN_LINES).join('\n') }),
    details: { exitCode: failure.code ?? null },
  };
  const title = step?.title ?? failed.instruction ?? 'the build';
  const last = lines.at(-1) ?? failure.message;
  switch (step?.kind) {
    case 'pip':
      return /No module named pip/.test(printed)
        ? {
            ...common,
            type: 'InstallerMissing',
            message: `The base image has no pip, so \`${title}\` can't run.`,
            hint: 'Put `.apt_install("python3-pip")` before it, or choose a base with pip.',
          }
        : { ...pipFailure(title.replace(/^pip install /, ''), printed, place), ...common };
    case 'apt':
      return {
        ...common,
        type: 'AptInstallFailed',
        message: `\`${title}\` failed: ${aptReason(lines) ?? last}`,
        hint: /apt-get: not found/.test(printed)
          ? 'The base image is no Debian or Ubuntu: install with its own tools in run_commands.'
          : 'Check the names of the packages, or see the log for what apt printed.',
      };
    default:
      return {
        ...common,
        type: 'BuildFailed',
        message:
          failure.code === undefined
            ? `\`${title}\` failed: ${failure.message}`
            : `\`${title}\` ended with exit code ${failure.code}: ${last}`,
        hint: hintFor(failure),
      };
  }
}

function hintFor({ code, message }: EngineFailure): string {
  if (code === 137) return 'It was killed, most often for lack of memory. See the log.';
  if (code === 126 || code === 127) return 'The base image may lack that program. See the log.';
  if (/requires BuildKit|unknown instruction/i.test(message)) {
    return "Velar builds with the engine's classic builder, which lacks BuildKit's own syntax.";
  }
  return 'See the log for what it printed.';
}

function aptReason(lines: readonly string[]): string | undefined {
  return lines.find((line) => /^E: |apt-get: not found/.test(line))?.replace(/^E: /, '');
}

function diskFull(said: string, place: ImagePlace | undefined): RunError | undefined {
  if (!/no space left on device|ENOSPC|disk quota exceeded/i.test(said)) return undefined;
  return {
    kind: 'infrastructure',
    type: 'DiskFull',
    message: "The disk of the Docker engine is full: the image can't be stored.",
    traceback: placeTraceback(place),
    hint: 'See `docker system df`, remove what is not needed (`docker system prune`), then run again.',
  };
}

/** The engine's words in an error of the client, without the client's own around them. */
export function engineWords(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^\(HTTP code \d+\) .*? - /, '').trim();
}
