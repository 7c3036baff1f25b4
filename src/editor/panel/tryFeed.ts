/** What the panel's page is told of the Try view: all of it when it shows, then changes, gathered for a frame's time. */
import type { LogLine } from '../../../runtime/protocol/logChunks';
import type { TryHostMessage } from '../../../runtime/protocol/tryMessages';
import type { TrySession } from '../deployments/trySession';
import type { RunEntry } from '../runs/runRecords';

/** About two frames, as for runs. */
const FLUSH_MS = 33;
/** Of a flood, the page gets the lines that are kept as a whole instead. */
const MAX_BATCH_LINES = 5000;

export class TryFeed {
  private readonly disposables: { dispose(): void }[];
  private live = false;
  private timer: NodeJS.Timeout | undefined;
  private stateDirty = false;
  private recordDirty = false;
  private pending: LogLine[] = [];
  /** The call whose lines the page has; undefined: none, so it gets all of them. */
  private told: string | undefined;

  constructor(
    readonly session: TrySession,
    private readonly post: (message: TryHostMessage) => void,
  ) {
    this.disposables = [
      session.onDidChange(() => this.later(() => (this.stateDirty = true))),
      session.onDidRecord(() => this.later(() => (this.recordDirty = true))),
      session.onDidLog(({ lines }) =>
        this.later(() => {
          for (const line of lines) this.pending.push(line);
        }),
      ),
    ];
  }

  /** The call that the page shows; undefined while it shows runs. */
  get entry(): RunEntry | undefined {
    return this.session.state === null ? undefined : this.session.entry;
  }

  /** The page listens (again): it gets everything. */
  show(): void {
    this.live = true;
    this.told = undefined;
    this.forget();
    const { state, entry } = this.session;
    this.post({ type: 'try', state });
    this.post({ type: 'tryCalled', record: entry?.record ?? null, of: this.session.entryOf });
    if (entry !== undefined) this.sendLog(entry, []);
  }

  hide(): void {
    this.live = false;
    this.forget();
  }

  dispose(): void {
    this.hide();
    for (const disposable of this.disposables) disposable.dispose();
  }

  private later(mark: () => void): void {
    if (!this.live) return;
    mark();
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  private flush(): void {
    const { stateDirty, recordDirty, pending } = this;
    const { state, entry } = this.session;
    this.forget();
    // Lines go before the record: the end of a call must not be seen before its last line.
    if (entry !== undefined) this.sendLog(entry, pending);
    if (recordDirty && entry !== undefined) {
      this.post({ type: 'tryCalled', record: entry.record, of: this.session.entryOf });
    }
    if (stateDirty) this.post({ type: 'try', state });
  }

  private sendLog({ run, log }: RunEntry, fresh: LogLine[]): void {
    if (run !== this.told || fresh.length > MAX_BATCH_LINES) {
      this.told = run;
      this.post({ type: 'tryLog', run, ...log.view(), whole: true });
    } else if (fresh.length > 0) {
      this.post({ type: 'tryLog', run, lines: fresh, dropped: log.dropped, whole: false });
    }
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.stateDirty = false;
    this.recordDirty = false;
    this.pending = [];
  }
}
