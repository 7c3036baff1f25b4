/** A scheduler on a home of its own, with real Python and real sockets, for tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleId, sha256Hex } from '../../../runtime/protocol/bundles';
import type { RunEvent } from '../../../runtime/protocol/events';
import { chunkLines, type LogLine } from '../../../runtime/protocol/logChunks';
import type { Container, FileEntry } from '../../../runtime/protocol/methods';
import type { Engine } from '../../../runtime/engines/engine';
import { rememberPython } from '../../../runtime/images/python';
import {
  createScheduler,
  type SchedulerOptions,
} from '../../../runtime/scheduling/createScheduler';
import type { RunParams } from '../../../runtime/scheduling/run';
import type { RunService, RunWatch } from '../../../runtime/scheduling/service';
import { openStore, type Store } from '../../../runtime/store/store';

export const PYTHON_PACKAGES = join(process.cwd(), 'runtime', 'python');
export const python = rememberPython({ environment: process.env });

export interface HarnessOptions extends Partial<SchedulerOptions> {
  /** Makes the engine on the harness's own home; the process engine where it is not given. */
  makeEngine?: (parts: { home: string; store: Store }) => Promise<Engine>;
}

type JsonValue = string | number | boolean | null | JsonValue[];
export type Start = Partial<RunParams> & { qualname: string };

export interface WatchedRun {
  readonly id: string;
  readonly events: RunEvent[];
  /** Resolves with the ended event. */
  readonly ended: Promise<Extract<RunEvent, { type: 'ended' }>>;
  /** Resolves when an event fits; those that are past count. */
  until(fits: (event: RunEvent) => boolean): Promise<RunEvent>;
  /** Every line of the log so far. */
  lines(): Promise<LogLine[]>;
}

export class Harness {
  private runs = 0;
  private readonly watches: RunWatch[] = [];

  private constructor(
    readonly home: string,
    readonly store: Store,
    readonly service: RunService,
    readonly warnings: string[],
  ) {}

  static async open({ makeEngine, ...options }: HarnessOptions = {}): Promise<Harness> {
    const home = options.home ?? (await mkdtemp(join(tmpdir(), 'velar-test-')));
    const warnings: string[] = [];
    const store = openStore(home, (error) => warnings.push(error.message));
    const engine = makeEngine === undefined ? {} : { engine: await makeEngine({ home, store }) };
    const service = await createScheduler({
      ...engine,
      home,
      store,
      python,
      pythonPackages: PYTHON_PACKAGES,
      environment: process.env,
      logger: {
        info: () => undefined,
        warn: (message) => {
          warnings.push(message);
        },
      },
      ...options,
    });
    return new Harness(home, store, service, warnings);
  }

  async close(): Promise<void> {
    await this.end();
    await rm(this.home, { recursive: true, force: true });
  }

  /** Ends all but the home, which another harness may be opened on. */
  async end(): Promise<void> {
    await this.service.dispose();
    for (const watch of this.watches) {
      watch.close();
      watch.log.close();
    }
    this.store.close();
  }

  /** Resolves with the list of containers as soon as it fits. */
  containersUntil(fits: (containers: Container[]) => boolean): Promise<Container[]> {
    return new Promise((resolve) => {
      const check = (containers: Container[]): void => {
        if (!fits(containers)) return;
        stop();
        resolve(containers);
      };
      const stop = this.service.onContainers(check);
      check(this.service.containers());
    });
  }

  /** Stores files as a bundle; returns its id. */
  async bundle(files: Record<string, string>): Promise<string> {
    const entries: FileEntry[] = [];
    for (const [path, text] of Object.entries(files)) {
      await this.store.blobs.put(Buffer.from(text));
      entries.push({ path, sha256: sha256Hex(text), size: Buffer.byteLength(text), mode: 0o644 });
    }
    const bundle = bundleId(entries);
    await this.store.bundles.offer({ bundle, content: { files: entries } });
    return bundle;
  }

  /** Starts a run of `app.py` and watches it. */
  async run(bundle: string, start: Start, args: JsonValue[] = []): Promise<WatchedRun> {
    this.runs += 1;
    const run = `run-${String(this.runs).padStart(10, '0')}`;
    await this.service.start({
      run,
      bundle,
      file: 'app.py',
      kind: 'function',
      arguments: { args: args.map((json) => ({ json })), kwargs: {} },
      cpu: false,
      ...start,
    });
    return this.watch(run);
  }

  watch(run: string): WatchedRun {
    const events: RunEvent[] = [];
    const lines: LogLine[] = [];
    const waiting = new Set<() => void>();
    const watch = this.service.watch(run, 0, (more) => {
      events.push(...more);
      for (const check of [...waiting]) check();
    });
    this.watches.push(watch);
    const until = (fits: (event: RunEvent) => boolean): Promise<RunEvent> =>
      new Promise((resolve) => {
        const check = (): void => {
          const found = events.find(fits);
          if (found === undefined) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      });
    const ended = until((event) => event.type === 'ended').then((event) => {
      if (event.type !== 'ended') throw new Error('unreachable');
      return event;
    });
    return {
      id: run,
      events,
      ended,
      until,
      lines: async () => {
        for (;;) {
          const chunk = await watch.log.next(60_000);
          if (chunk === undefined) return lines;
          lines.push(...chunkLines(chunk));
        }
      },
    };
  }
}

/** The error of a run that ended with one. */
export function errorOf(run: WatchedRun) {
  const event = run.events.find((each) => each.type === 'error');
  if (event?.type !== 'error')
    throw new Error(`The run has no error: ${JSON.stringify(run.events)}`);
  return event.error;
}

/** The plain value of a run that succeeded. */
export function valueOf(run: WatchedRun): unknown {
  const event = run.events.find((each) => each.type === 'result');
  if (event?.type !== 'result')
    throw new Error(`The run has no result: ${JSON.stringify(run.events)}`);
  return 'value' in event.result ? event.result.value : event.result;
}

/** `phase status` of each phase's end, in order. */
export function phaseEnds(run: WatchedRun): string[] {
  return run.events
    .filter((event) => event.type === 'phase')
    .filter((event) => ['done', 'skipped', 'failed'].includes(event.status))
    .map((event) => `${event.phase} ${event.status}`);
}

/** The container that a run used first, and whether it had worked before. */
export function containerOf(run: WatchedRun): { container: string; warm: boolean } {
  const event = run.events.find((each) => each.type === 'container');
  if (event?.type !== 'container') throw new Error('The run used no container.');
  return { container: event.container, warm: event.warm };
}

/** A bundle of one file that declares an app named test. */
export function app(body: string): Record<string, string> {
  return { 'app.py': `import velar\napp = velar.App("test")\n\n${body}\n` };
}
