/** A run as JSON, one object a line. */
import type { RunEvent } from '../../runtime/protocol/events';
import { chunkLines, type LogChunk } from '../../runtime/protocol/logChunks';
import type { RunRecord } from '../../runtime/protocol/runRecord';
import type { RunReporter } from './runReporter';
import type { Terminal } from './terminal';

export class JsonRunReporter implements RunReporter {
  constructor(private readonly terminal: Terminal) {}

  events(events: readonly RunEvent[], { run }: RunRecord): void {
    if (events.length === 0) return;
    void this.terminal.out(
      events.map((event) => `${JSON.stringify(eventLine(event, run))}\n`).join(''),
    );
  }

  output(chunk: LogChunk): void | Promise<void> {
    return this.terminal.out(
      chunkLines(chunk)
        .map(({ at, stream, seq, text, partial }) => {
          // A line that is still being printed goes on in the next one of its stream.
          const rest = partial ? { partial } : {};
          return `${JSON.stringify({ type: 'log', at, stream, seq, text, ...rest })}\n`;
        })
        .join(''),
    );
  }

  ended(): void {
    // `ended` is among the events.
  }

  notice(): void {
    // A stream of a run's events has no place for what is not of the run.
  }

  cancelling(): void {
    // The events say what comes of it.
  }

  close(): void {
    // Nothing is redrawn.
  }
}

/** An event in the form of the contract: results, items and errors lie flat. `exception` names Python's; the last one names the run. */
export function eventLine(event: RunEvent, run: string): object {
  switch (event.type) {
    case 'result':
      return { type: 'result', at: event.at, ...event.result };
    case 'yield':
      return { type: 'yield', at: event.at, index: event.index, ...event.item };
    case 'input-result': {
      const { result, ...input } = event;
      return { ...input, ...result };
    }
    case 'error': {
      const { type: exception, ...error } = event.error;
      const named = exception === undefined ? {} : { exception };
      return { type: 'error', at: event.at, ...named, ...error };
    }
    case 'ended':
      return { ...event, run };
    default:
      return event;
  }
}
