/**
 * What the panel's page is told, and when: a whole snapshot when it shows, then changes, gathered for a
 * frame's time. A hidden page is told nothing.
 */
import type { LogLine } from '../../../runtime/protocol/logChunks';
import type { HostMessage, PanelSnapshot } from '../../../runtime/protocol/panelMessages';
import type { RunEntry, RunRecords } from '../runs/runRecords';
import type { RuntimeModel } from '../runtimes/runtimeModel';

/** About two frames: fast enough to look live, rare enough for a log at full speed. */
const FLUSH_MS = 33;

/** Lines in one message; of a flood, the page gets the newest lines as a whole instead. */
const MAX_BATCH_LINES = 5000;

interface Disposable {
  dispose(): void;
}

export class PanelFeed implements Disposable {
  private readonly disposables: Disposable[];
  private live = false;
  private timer: NodeJS.Timeout | undefined;
  private chosen: string | undefined;
  private dirtyRecords = new Set<RunEntry>();
  private pendingLines: LogLine[] = [];
  /** More came than a batch holds: the page is given the kept lines as a whole. */
  private overflowed = false;
  private runtimeDirty = false;
  private containersDirty = false;

  constructor(
    private readonly records: RunRecords,
    private readonly model: RuntimeModel,
    private readonly post: (message: HostMessage) => void,
  ) {
    this.disposables = [
      // A new run is what the person wants to see.
      records.onDidAdd((entry) => {
        if (entry.origin.beside !== true) this.select(entry.run);
      }),
      records.onDidChange((entry) => {
        if (entry !== undefined) this.later(() => this.dirtyRecords.add(entry));
      }),
      records.onDidLog(({ entry, lines }) => {
        if (entry.run === this.chosen) this.later(() => this.addLines(lines));
      }),
      model.onDidChange(() => this.later(() => (this.runtimeDirty = true))),
      model.onDidChangeContainers(() => this.later(() => (this.containersDirty = true))),
    ];
  }

  /** The run shown: the one chosen, else the newest. */
  get selected(): RunEntry | undefined {
    const chosen = this.chosen === undefined ? undefined : this.records.get(this.chosen);
    return chosen ?? this.records.all[0];
  }

  select(run: string): void {
    this.chosen = run;
    if (this.live) this.sendSnapshot();
  }

  /** The page listens (again): it gets everything. */
  show(): void {
    this.live = true;
    this.sendSnapshot();
  }

  hide(): void {
    this.live = false;
    this.forget();
  }

  dispose(): void {
    this.hide();
    for (const disposable of this.disposables) disposable.dispose();
  }

  private sendSnapshot(): void {
    this.forget();
    const { selected } = this;
    this.chosen = selected?.run;
    const log = selected?.log.view();
    const snapshot: PanelSnapshot = {
      runtime: this.model.value,
      runs: this.records.all.map(({ record }) => record),
      selected:
        selected === undefined || log === undefined
          ? null
          : { record: selected.record, log: log.lines, dropped: log.dropped },
      containers: [...this.model.containers],
    };
    this.post({ type: 'snapshot', snapshot });
  }

  private later(mark: () => void): void {
    if (!this.live) return;
    mark();
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  private addLines(lines: readonly LogLine[]): void {
    if (this.overflowed) return;
    for (const line of lines) this.pendingLines.push(line);
    this.overflowed = this.pendingLines.length > MAX_BATCH_LINES;
  }

  private flush(): void {
    if (this.overflowed) {
      this.sendSnapshot();
      return;
    }
    const { dirtyRecords, pendingLines, runtimeDirty, containersDirty, selected } = this;
    this.forget();
    if (runtimeDirty) this.post({ type: 'runtime', runtime: this.model.value });
    if (containersDirty) {
      this.post({ type: 'containers', containers: [...this.model.containers] });
    }
    // Lines go before the record: the end of a run must not be seen before its last line.
    if (selected !== undefined && pendingLines.length > 0) {
      const { dropped } = selected.log;
      this.post({ type: 'log', run: selected.run, lines: pendingLines, dropped });
    }
    for (const { record } of dirtyRecords) this.post({ type: 'record', record });
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.dirtyRecords = new Set();
    this.pendingLines = [];
    this.overflowed = false;
    this.runtimeDirty = false;
    this.containersDirty = false;
  }
}
