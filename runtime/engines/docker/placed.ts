/** A container of the Docker engine: started, waited for, stopped, removed. */
import type Docker from 'dockerode';
import { exitCode } from '../../images/docker/exitCode';
import type { ContainerExit, PlacedContainer } from '../engine';
import type { BundleShare } from './bundleShare';
import { isGone, isNotFound } from './failures';
import { endedForMemory } from './memoryEnds';

const KEPT_OUTPUT_CHARACTERS = 8192;
/** Docker's codes for a process that a signal ended are 128 and the signal's number. */
const SIGNALS: Readonly<Record<number, string>> = {
  130: 'SIGINT',
  134: 'SIGABRT',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  143: 'SIGTERM',
};

export interface DockerParts {
  docker: Docker;
  handle: Docker.Container;
  /** What it can read of the blobs. */
  share: BundleShare;
  warn: (message: string) => void;
}

export class DockerContainer implements PlacedContainer {
  readonly exited: Promise<ContainerExit>;
  private ended = false;
  private left = false;
  /** Kills that the engine was asked for here, those that came too late included. */
  private kills = 0;

  private constructor(
    readonly container: string,
    readonly pid: number | null,
    private readonly parts: DockerParts,
  ) {
    this.exited = endOf(parts.handle).then((end) => this.close(end));
  }

  /** Starts a created container. Throws what the client throws; what was created is removed then. */
  static async start(container: string, parts: DockerParts): Promise<DockerContainer> {
    try {
      await parts.handle.start();
      return await DockerContainer.running(container, parts);
    } catch (error) {
      await remove(parts.handle);
      throw error;
    }
  }

  /** Takes over a container that runs, or has ended already. */
  static async running(container: string, parts: DockerParts): Promise<DockerContainer> {
    const { State } = await parts.handle.inspect();
    return new DockerContainer(container, State.Pid === 0 ? null : State.Pid, parts);
  }

  bring(bundle: string): Promise<void> {
    return this.parts.share.bring(bundle);
  }

  async stop(graceMs: number): Promise<ContainerExit> {
    if (!this.ended) {
      try {
        if (graceMs === 0) {
          this.kills += 1;
          await this.parts.handle.kill();
        } else await this.parts.handle.stop({ t: Math.ceil(graceMs / 1000) });
      } catch (error) {
        // It ended by itself meanwhile, or the engine is gone and `exited` says so.
        if (!isOver(error) && !isGone(error)) throw error;
      }
    }
    return this.exited;
  }

  private async close(end: { code: number } | { lost: unknown }): Promise<ContainerExit> {
    this.ended = true;
    if ('lost' in end) {
      this.left = true;
      await this.removeShare();
      const output = 'The Docker engine went away while the container ran.';
      return { code: null, signal: null, output };
    }
    const signal = SIGNALS[end.code];
    const [output, oom] = await Promise.all([
      this.lastWords(),
      signal === 'SIGKILL' && this.wasOutOfMemory(),
    ]);
    // An engine that is about to go tells of the end, and may not get to the removal.
    this.left = !(await this.remove());
    await this.removeShare();
    return signal === undefined
      ? { code: end.code, signal: null, output, oom }
      : { code: null, signal, output, oom };
  }

  /** True where the engine went away before the container was removed: it may run still. */
  get lost(): boolean {
    return this.left;
  }

  /**
   * Removes what is left of it. False where something may be left. Never rejects: what can't be removed is told,
   * and is no reason to wait.
   */
  async remove(): Promise<boolean> {
    try {
      return await remove(this.parts.handle);
    } catch (error) {
      this.parts.warn(`Docker did not remove container ${this.container}: ${String(error)}`);
      return false;
    }
  }

  private async removeShare(): Promise<void> {
    try {
      await this.parts.share.remove();
    } catch (error) {
      // The next start of the runtime removes it.
      this.parts.warn(
        `What container ${this.container} could read was not removed: ${String(error)}`,
      );
    }
  }

  private async lastWords(): Promise<string> {
    try {
      const raw = await this.parts.handle.logs({ stdout: true, stderr: true, tail: 50 });
      return demultiplexed(raw).slice(-KEPT_OUTPUT_CHARACTERS);
    } catch {
      // Its words are for an error's text; their loss must not hide how it ended.
      return '';
    }
  }

  private async wasOutOfMemory(): Promise<boolean> {
    try {
      return await endedForMemory(this.parts.docker, this.parts.handle, this.kills);
    } catch {
      // Unknown is told as a kill, which it was in any case.
      return false;
    }
  }
}

/** Removes a container, running or not. False where the engine is gone, and may have kept it. */
export async function remove(handle: Docker.Container): Promise<boolean> {
  try {
    await handle.remove({ force: true, v: true });
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    if (!isNotFound(error) && !isOver(error)) throw error;
    return true;
  }
}

/** Answers at once for a container that has ended already. */
async function endOf(handle: Docker.Container): Promise<{ code: number } | { lost: unknown }> {
  try {
    return { code: await exitCode(handle) };
  } catch (error) {
    return { lost: error };
  }
}

/** The engine's answer to a stop of what has stopped, or to a removal that is going on. */
function isOver(error: unknown): boolean {
  const status = (error as { statusCode?: number }).statusCode;
  return status === 304 || status === 404 || status === 409;
}

/** Text of a log whose pieces carry eight bytes of stream and length each. */
function demultiplexed(raw: Buffer): string {
  let text = '';
  let at = 0;
  while (at + 8 <= raw.byteLength) {
    const size = raw.readUInt32BE(at + 4);
    text += raw.toString('utf8', at + 8, at + 8 + size);
    at += 8 + size;
  }
  return text;
}
