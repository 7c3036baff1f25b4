/** Every run of this window: the one place that lens, panel, status bar and diagnostics read. */
import * as vscode from 'vscode';
import type { LogLine } from '../../../runtime/protocol/logChunks';
import { currentPhase, type RunRecord } from '../../../runtime/protocol/runRecord';
import type { RunHandle, RunRequest } from '../../client/api';
import type { LensState } from '../lensTitles';
import { LogTail } from './logTail';

/** Ended runs that stay listed. */
const MAX_ENDED = 50;

/** Where a run was started. */
export interface RunOrigin {
  /** Document of the function, as a string; may be untitled. */
  readonly uri: string;
  readonly qualname: string;
  readonly request: RunRequest;
  /** The run whose failed inputs it runs again. */
  readonly rerunOf?: string;
  /** Starts it over, for what is no run of a function, such as a deploy. */
  readonly again?: (cpu: boolean) => Promise<unknown>;
  /** Started by the code of a run that the person watches: listed beside it, not shown in its place. */
  readonly beside?: boolean;
}

/** Something that happens before there is a run. */
export interface Preparation {
  readonly uri: string;
  readonly qualname: string;
  readonly since: number;
  readonly abort: AbortController;
  what: string;
}

export class RunEntry {
  readonly log = new LogTail();

  constructor(
    readonly origin: RunOrigin,
    readonly handle: RunHandle,
  ) {}

  get run(): string {
    return this.handle.run;
  }

  get record(): RunRecord {
    return this.handle.record;
  }

  /** The document or file that a file name of this run means: relative to the bundle's root, or absolute. */
  resolve(file: string): vscode.Uri {
    const { request, uri } = this.origin;
    if (file === request.file) return vscode.Uri.parse(uri);
    const absolute = file.startsWith('/') || /^[A-Za-z]:/.test(file);
    return absolute
      ? vscode.Uri.file(file)
      : vscode.Uri.joinPath(vscode.Uri.file(request.root), file);
  }
}

export class RunRecords implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<RunEntry | undefined>();
  private readonly begun = new vscode.EventEmitter<Preparation>();
  private readonly added = new vscode.EventEmitter<RunEntry>();
  private readonly logged = new vscode.EventEmitter<{
    entry: RunEntry;
    lines: readonly LogLine[];
  }>();
  private readonly ended = new vscode.EventEmitter<RunEntry>();
  /** An entry's record has changed; undefined: only what is being prepared has. */
  readonly onDidChange = this.changed.event;
  /** A run is being prepared. */
  readonly onDidPrepare = this.begun.event;
  readonly onDidAdd = this.added.event;
  readonly onDidLog = this.logged.event;
  /** Once for each run, when its record is final. */
  readonly onDidEnd = this.ended.event;
  private entries: RunEntry[] = [];
  /** Of a view of its own: found by its id, listed nowhere. */
  private aside: RunEntry | undefined;
  private readonly preparing = new Set<Preparation>();
  private readonly unsubscribe = new Map<string, () => void>();

  /** Newest first. */
  get all(): readonly RunEntry[] {
    return this.entries;
  }

  get active(): readonly RunEntry[] {
    return this.entries.filter(({ record }) => record.status === 'active');
  }

  get preparations(): readonly Preparation[] {
    return [...this.preparing];
  }

  get anyActive(): boolean {
    return this.preparing.size > 0 || this.entries.some(({ record }) => record.status === 'active');
  }

  get(run: string): RunEntry | undefined {
    const all = this.aside === undefined ? this.entries : [...this.entries, this.aside];
    return all.find((entry) => entry.run === run);
  }

  /** Lets `get` find a run that no list shows; one at a time. */
  setAside(entry: RunEntry): void {
    this.aside = entry;
  }

  latest(uri: string, qualname: string): RunEntry | undefined {
    return this.entries.find(({ origin }) => origin.uri === uri && origin.qualname === qualname);
  }

  stateOf(uri: string, qualname: string): LensState {
    const preparation = [...this.preparing].find(
      (each) => each.uri === uri && each.qualname === qualname,
    );
    if (preparation !== undefined) {
      return { kind: 'preparing', what: preparation.what, since: preparation.since };
    }
    const entry = this.latest(uri, qualname);
    return entry === undefined ? { kind: 'idle' } : { kind: 'run', record: entry.record };
  }

  /** Shows that a run of this function is being prepared, until `finishPreparing`. */
  prepare(uri: string, qualname: string, what: string): Preparation {
    const preparation = { uri, qualname, what, since: Date.now(), abort: new AbortController() };
    this.preparing.add(preparation);
    this.begun.fire(preparation);
    this.changed.fire(undefined);
    return preparation;
  }

  say(preparation: Preparation, what: string): void {
    preparation.what = what;
    this.changed.fire(undefined);
  }

  finishPreparing(preparation: Preparation): void {
    this.preparing.delete(preparation);
    this.changed.fire(undefined);
  }

  add(handle: RunHandle, origin: RunOrigin): RunEntry {
    const entry = new RunEntry(origin, handle);
    // One that was lost with its connection and is followed anew stands for itself.
    this.entries = [entry, ...this.entries.filter(({ run }) => run !== entry.run)];
    const offEvents = handle.onEvents(() => this.changed.fire(entry));
    const offLog = handle.onLog((lines) => {
      entry.log.push(lines);
      this.logged.fire({ entry, lines });
    });
    this.unsubscribe.set(entry.run, () => {
      offEvents();
      offLog();
    });
    const settle = (): void => this.settle(entry);
    // A run that could not be started is told to the person by whoever started it.
    void handle.ended.then(settle, settle);
    this.added.fire(entry);
    this.changed.fire(entry);
    return entry;
  }

  /** What lenses say apart from clocks: changes exactly when they must be drawn again. */
  signature(): string {
    const preparing = [...this.preparing].map(
      (each) => `${each.uri}#${each.qualname}:${each.what}`,
    );
    const runs = this.entries.map(({ run, record }) => {
      const phase = currentPhase(record);
      return `${run}:${record.status}:${phase?.phase ?? ''}:${record.debug?.state ?? ''}:${record.debug?.reason ?? ''}:${record.device ?? ''}:${record.cost === null ? '' : 'c'}`;
    });
    return [...preparing, ...runs].join('\n');
  }

  dispose(): void {
    for (const off of this.unsubscribe.values()) off();
    for (const { abort } of this.preparing) abort.abort();
    for (const emitter of [this.changed, this.begun, this.added, this.logged, this.ended])
      emitter.dispose();
  }

  private settle(entry: RunEntry): void {
    this.unsubscribe.get(entry.run)?.();
    this.unsubscribe.delete(entry.run);
    let ended = 0;
    this.entries = this.entries.filter(
      ({ record }) => record.status === 'active' || ++ended <= MAX_ENDED,
    );
    this.changed.fire(entry);
    this.ended.fire(entry);
  }
}
