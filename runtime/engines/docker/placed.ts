/** A container of the Docker engine: started, waited for, stopped, removed. */
import type Docker from 'dockerode';
import type { ContainerExit, PlacedContainer } from '../engine';
import { isGone, isNotFound, startFailure } from './failures';

const KEPT_OUTPUT_CHARACTERS = 8192;
/** Docker's codes for a process that a signal ended are 128 and the signal's number. */
const SIGNALS: Readonly<Record<number, string>> = {
  130: 'SIGINT',
  134: 'SIGABRT',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  143: 'SIGTERM',
};

type Warn = (message: string) => void;

export class DockerContainer implements PlacedContainer {
  readonly exited: Promise<ContainerExit>;
  private ended = false;
  private gone = false;

  private constructor(
    readonly container: string,
    readonly pid: number | null,
    private readonly handle: Docker.Container,
    private readonly warn: Warn,
  ) {
    this.exited = endOf(handle).then((end) => this.close(end));
  }

  /** Starts a created container. Throws as `startFailure` says; what was created is removed then. */
  static async start(
    container: string,
    handle: Docker.Container,
    warn: Warn,
  ): Promise<DockerContainer> {
    try {
      await handle.start();
      return await DockerContainer.running(container, handle, warn);
    } catch (error) {
      await remove(handle);
      throw startFailure(error);
    }
  }

  /** Takes over a container that runs, or has ended already. */
  static async running(
    container: string,
    handle: Docker.Container,
    warn: Warn,
  ): Promise<DockerContainer> {
    const { State } = await handle.inspect();
    return new DockerContainer(container, State.Pid === 0 ? null : State.Pid, handle, warn);
  }

  async stop(graceMs: number): Promise<ContainerExit> {
    if (!this.ended) {
      try {
        if (graceMs === 0) await this.handle.kill();
        else await this.handle.stop({ t: Math.ceil(graceMs / 1000) });
      } catch (error) {
        // It ended by itself meanwhile, or the engine is gone and `exited` says so.
        if (!isOver(error) && !isGone(error)) throw error;
      }
    }
    return this.exited;
  }

  private async close(end: { StatusCode: number } | { lost: unknown }): Promise<ContainerExit> {
    this.ended = true;
    if ('lost' in end) {
      this.gone = true;
      const output = 'The Docker engine went away while the container ran.';
      return { code: null, signal: null, output };
    }
    const [output, oom] = await Promise.all([this.lastWords(), this.wasOutOfMemory()]);
    await this.remove();
    const signal = SIGNALS[end.StatusCode];
    return signal === undefined
      ? { code: end.StatusCode, signal: null, output, oom }
      : { code: null, signal, output, oom };
  }

  /** True where the engine went away before the container's end was seen: it may run still. */
  get lost(): boolean {
    return this.gone;
  }

  /** Removes what is left of it. Never rejects: what can't be removed is told, and is no reason to wait. */
  async remove(): Promise<void> {
    try {
      await remove(this.handle);
    } catch (error) {
      this.warn(`Docker did not remove container ${this.container}: ${String(error)}`);
    }
  }

  private async lastWords(): Promise<string> {
    try {
      const raw = await this.handle.logs({ stdout: true, stderr: true, tail: 50 });
      return demultiplexed(raw).slice(-KEPT_OUTPUT_CHARACTERS);
    } catch {
      // Its words are for an error's text; their loss must not hide how it ended.
      return '';
    }
  }

  private async wasOutOfMemory(): Promise<boolean> {
    try {
      return (await this.handle.inspect()).State.OOMKilled;
    } catch {
      return false;
    }
  }
}

/** Removes a container, running or not. One that is gone, or whose engine is, needs nothing. */
export async function remove(handle: Docker.Container): Promise<void> {
  try {
    await handle.remove({ force: true, v: true });
  } catch (error) {
    if (!isNotFound(error) && !isOver(error) && !isGone(error)) throw error;
  }
}

/** Answers at once for a container that has ended already. */
async function endOf(
  handle: Docker.Container,
): Promise<{ StatusCode: number } | { lost: unknown }> {
  try {
    return (await handle.wait({ condition: 'not-running' })) as { StatusCode: number };
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
