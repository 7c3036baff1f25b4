/** Shows a run as it happens. */
import type { RunEvent } from '../../runtime/protocol/events';
import type { LogChunk } from '../../runtime/protocol/logChunks';
import type { RunRecord } from '../../runtime/protocol/runRecord';

export interface RunReporter {
  events(events: readonly RunEvent[], record: RunRecord): void;
  /** A promise asks to wait before more output comes. */
  output(chunk: LogChunk): void | Promise<void>;
  /** The run is over; says what came of it. */
  ended(record: RunRecord): void;
  /** Something to know that is not of the run alone. */
  notice(text: string): void;
  /** The person asked to stop. */
  cancelling(): void;
  /** Takes away what is redrawn. */
  close(): void;
}
