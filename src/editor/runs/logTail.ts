/** The newest lines of a run's log, bounded. Pure. */
import type { LogLine } from '../../../runtime/protocol/logChunks';

/** Lines kept for the panel; the whole log is fetched from the runtime when asked for. */
const MAX_LINES = 5000;

export class LogTail {
  private kept: LogLine[] = [];
  private lost = 0;

  /** Lines that are no longer here, all before the first one kept. */
  get dropped(): number {
    return this.lost;
  }

  push(lines: readonly LogLine[]): void {
    for (const line of lines) this.kept.push(line);
    // Trimmed in large steps: moving the array for every batch would cost more than the lines do.
    if (this.kept.length <= 2 * MAX_LINES) return;
    this.lost += this.kept.length - MAX_LINES;
    this.kept = this.kept.slice(-MAX_LINES);
  }

  /** What the panel shows: at most MAX_LINES, and how many came before them. */
  view(): { lines: LogLine[]; dropped: number } {
    const lines = this.kept.slice(-MAX_LINES);
    return { lines, dropped: this.lost + this.kept.length - lines.length };
  }
}
