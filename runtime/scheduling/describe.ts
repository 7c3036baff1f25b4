/** The describe step: one long-lived Python that imports files in throwaway children of its own. */
import * as z from 'zod';
import { appDescriptionSchema, type AppDescription } from '../protocol/description';
import { VelarError } from '../protocol/errors';
import type { FileEntry } from '../protocol/methods';
import { runErrorSchema, type RunError } from '../protocol/values';
import { encodeWorkerMessage, WorkerFrameReader } from '../protocol/workerFrames';
import { minimalEnvironment, startChild, type Child } from '../engines/children';
import type { PythonInterpreter } from '../images/python';
import { BundleTrees } from './bundleTrees';
import type { Clock } from './clock';

/** The server itself gives a file 10 s; one that does not answer after this is replaced. */
const ANSWER_WITHIN_MS = 15_000;
const IDLE_MS = 5 * 60_000;
const KEPT_OUTPUT_CHARACTERS = 4096;

const answerSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('described'),
    id: z.number().int(),
    apps: z.array(appDescriptionSchema),
  }),
  z.object({ type: z.literal('describe-failed'), id: z.number().int(), error: runErrorSchema }),
]);

export type Described = { apps: AppDescription[] } | { error: RunError };

export interface DescribeOptions {
  /** Folder for the bundles' files. */
  folder: string;
  blobPath: (sha256: string) => string;
  pythonPackages: string;
  python: () => Promise<PythonInterpreter>;
  environment: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}

interface Waiting {
  child: Child;
  resolve: (answer: Described) => void;
  reject: (error: VelarError) => void;
}

/** The server is gone, and nobody here ended it. */
class ServerEnded extends VelarError {}

export class DescribeServer {
  private readonly trees: BundleTrees;
  private child: Promise<Child> | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private readonly endings = new Set<Promise<unknown>>();
  private idle: (() => void) | undefined;
  private requests = 0;
  private disposed = false;

  constructor(private readonly options: DescribeOptions) {
    this.trees = new BundleTrees(options.folder, options.blobPath);
  }

  /** Starts Python ahead of the first request; whether that fails is told by the request. */
  prepare(): void {
    if (this.disposed) return;
    void this.running();
    if (this.waiting.size === 0) this.endWhenIdle();
  }

  /** What apps a file declares, or why it can't be imported. Throws `python-missing`, `cancelled`, `internal`. */
  async describe(bundle: string, files: readonly FileEntry[], file: string): Promise<Described> {
    this.prepare();
    return this.trees.use(bundle, files, async (root) => {
      try {
        return await this.ask(root, file);
      } catch (error) {
        // Whatever ended the server, it was not this file: that is imported in a child.
        if (!(error instanceof ServerEnded)) throw error;
        return this.ask(root, file);
      }
    });
  }

  /** Resolves when no process is left. */
  async dispose(): Promise<void> {
    this.disposed = true;
    await this.stop(new VelarError('cancelled', 'The runtime ends.'));
    await Promise.allSettled(this.endings);
    await this.trees.dispose();
  }

  private async ask(root: string, file: string): Promise<Described> {
    if (this.disposed) throw new VelarError('cancelled', 'The runtime ends.');
    this.idle?.();
    const id = ++this.requests;
    let cancelLimit: (() => void) | undefined;
    try {
      const child = await this.running();
      cancelLimit = this.options.clock.timer(ANSWER_WITHIN_MS, () => {
        this.restart(new VelarError('internal', 'The describe step did not answer in time.'));
      });
      return await new Promise<Described>((resolve, reject) => {
        this.waiting.set(id, { child, resolve, reject });
        child.stdin.write(encodeWorkerMessage({ type: 'describe', id, root, file }));
      });
    } finally {
      cancelLimit?.();
      this.waiting.delete(id);
      if (this.waiting.size === 0 && this.child !== undefined) this.endWhenIdle();
    }
  }

  /** The server, started where there is none. */
  private running(): Promise<Child> {
    if (this.child !== undefined) return this.child;
    const starting = this.start();
    this.child = starting;
    const forget = (): void => {
      if (this.child === starting) this.child = undefined;
    };
    const ended = starting.then(({ exited }) => exited).then(forget, forget);
    this.endings.add(ended);
    void ended.finally(() => this.endings.delete(ended));
    return starting;
  }

  private async start(): Promise<Child> {
    const { executable } = await this.options.python();
    const child = await startChild({
      command: executable,
      args: ['-m', 'velar_worker.describe', '--serve'],
      env: {
        ...minimalEnvironment(this.options.environment),
        PYTHONPATH: this.options.pythonPackages,
        PYTHONDONTWRITEBYTECODE: '1',
      },
    });
    const reader = new WorkerFrameReader();
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT_CHARACTERS);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      try {
        for (const frame of reader.push(chunk)) {
          if (frame.kind === 'message') this.answer(frame.header);
        }
      } catch (error) {
        this.restart(VelarError.from(error));
      }
    });
    void child.exited.then(({ code, signal }) => {
      const said = output.trim().split('\n').at(-1) ?? '';
      const how = `${signal ?? `code ${code ?? 'none'}`}${said === '' ? '.' : `: ${said}`}`;
      const error = new ServerEnded('internal', `The describe step ended with ${how}`);
      for (const each of this.waiting.values()) if (each.child === child) each.reject(error);
    });
    return child;
  }

  private answer(header: unknown): void {
    const answer = answerSchema.parse(header);
    const waiting = this.waiting.get(answer.id);
    if (answer.type === 'described') waiting?.resolve({ apps: answer.apps });
    else waiting?.resolve({ error: answer.error });
  }

  private endWhenIdle(): void {
    this.idle?.();
    this.idle = this.options.clock.timer(IDLE_MS, () => {
      this.restart(
        new VelarError('cancelled', 'The describe step ended because nobody needed it.'),
      );
    });
  }

  /** Ends the process; the next request starts another. */
  private restart(error: VelarError): void {
    const stopping = this.stop(error).catch(() => undefined);
    this.endings.add(stopping);
    void stopping.finally(() => this.endings.delete(stopping));
  }

  private async stop(error: VelarError): Promise<void> {
    this.idle?.();
    this.idle = undefined;
    const child = this.child;
    this.child = undefined;
    this.failWaiting(error);
    // One that could not start has told those who asked for it.
    const started = await child?.catch(() => undefined);
    await started?.stop(500);
  }

  private failWaiting(error: VelarError): void {
    for (const { reject } of this.waiting.values()) reject(error);
  }
}
