/**
 * Inputs of a run's `.map`s that failed, to be run again: pickles as the caller sent them, which nobody reads here.
 * One file in each run's folder: it goes when the run does.
 */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { environmentSchema } from '../protocol/deployments';
import { isNodeError, VelarError } from '../protocol/errors';
import { encodeWorkerMessage, WorkerFrameReader } from '../protocol/workerFrames';

const FILE = 'failed-inputs';
/** Of one run; what comes later is not kept. */
export const MAX_KEPT_INPUTS = 10_000;
export const MAX_KEPT_BYTES = 64 * 1024 * 1024;

const headerSchema = z.object({
  /** Which of the run's maps, from 1. */
  map: z.number().int(),
  app: z.string(),
  function: z.string(),
  /** Its place among the map's inputs, from 0. */
  index: z.number().int(),
  /** The pickle has the constructor's arguments in front. */
  instance: z.boolean(),
  /** Where what was called is deployed; absent for code of the run's own bundle. */
  environment: environmentSchema.optional(),
});

/** `body`: its pickle. */
export type KeptInput = z.infer<typeof headerSchema> & { body: Buffer };

/** What one run writes: in order, and no more than the limits. */
interface Writing {
  inputs: number;
  bytes: number;
  waiting: Buffer[];
  /** Resolves when everything that was given is written, or could not be. */
  done: Promise<void>;
  busy: boolean;
}

export class FailedInputStore {
  private readonly writings = new Map<string, Writing>();

  constructor(
    private readonly runFolder: (run: string) => string,
    private readonly onError: (error: VelarError) => void,
  ) {}

  /** False for one over the limits. Written soon; what can't be written is told to `onError`. */
  append(run: string, { body, ...header }: KeptInput): boolean {
    const writing = this.writings.get(run) ?? {
      inputs: 0,
      bytes: 0,
      waiting: [],
      done: Promise.resolve(),
      busy: false,
    };
    this.writings.set(run, writing);
    const over =
      writing.inputs === MAX_KEPT_INPUTS || writing.bytes + body.byteLength > MAX_KEPT_BYTES;
    if (over) return false;
    writing.inputs += 1;
    writing.bytes += body.byteLength;
    writing.waiting.push(encodeWorkerMessage(header, body));
    if (!writing.busy) writing.done = this.write(run, writing);
    return true;
  }

  /** True for a run that has kept some since it began. */
  has(run: string): boolean {
    return this.writings.has(run);
  }

  /** Nothing more of a run fails. Resolves when all is written. */
  async close(run: string): Promise<void> {
    await this.writings.get(run)?.done;
    this.writings.delete(run);
  }

  /** In the order in which they failed; empty for a run that kept none. Throws the file system's error. */
  async read(run: string): Promise<KeptInput[]> {
    await this.writings.get(run)?.done;
    let content: Buffer;
    try {
      content = await readFile(join(this.runFolder(run), FILE));
    } catch (error) {
      if (isNodeError(error) && error.code === 'ENOENT') return [];
      throw error;
    }
    // A runtime that was killed may have left half of the last one.
    return [...new WorkerFrameReader().push(content)].flatMap((frame) =>
      frame.kind === 'message' ? [{ ...headerSchema.parse(frame.header), body: frame.body }] : [],
    );
  }

  private async write(run: string, writing: Writing): Promise<void> {
    const folder = this.runFolder(run);
    writing.busy = true;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      while (writing.waiting.length > 0) {
        const bytes = Buffer.concat(writing.waiting.splice(0));
        await appendFile(join(folder, FILE), bytes, { mode: 0o600 });
      }
    } catch (error) {
      writing.waiting = [];
      this.onError(VelarError.from(error));
    } finally {
      writing.busy = false;
    }
  }
}
