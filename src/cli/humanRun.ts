/** A run as people read it: a line for each phase with its time, output as printed, result, memory, cost. */
import type {
  BatchEvent,
  CostEvent,
  MemorySample,
  PhaseEvent,
  RunEvent,
} from '../../runtime/protocol/events';
import type { LogChunk } from '../../runtime/protocol/logChunks';
import { endsPhase, type PhaseStatus } from '../../runtime/protocol/phases';
import { currentPhase, type PhaseRecord, type RunRecord } from '../../runtime/protocol/runRecord';
import {
  batchTexts,
  failedInputTexts,
  failedTitle,
  inputName,
  notKeptText,
  rerunText,
  rerunTitle,
} from '../../runtime/protocol/batchTexts';
import { peakTexts, readingTexts } from '../../runtime/protocol/cardFigures';
import { formatBytes, formatMs, formatUsd } from '../../runtime/protocol/figures';
import { slowness } from '../../runtime/protocol/slowness';
import { formatResult, formatRunError } from './format';
import type { RunReporter } from './runReporter';
import type { Terminal } from './terminal';

const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const REDRAW_MS = 100;
/** Without a terminal, silence of this length before the first phase is worth a line. */
const QUIET_MS = 3_000;
/** Without a terminal, how far a batch is is worth a line this often. */
const BATCH_MS = 5_000;
const NAME_WIDTH = 14;
const NEWLINE = 10;

export class HumanRunReporter implements RunReporter {
  private record: RunRecord | undefined;
  private drawn = false;
  private frame = 0;
  /** The last output had no newline, so that a line of ours needs one first. */
  private midLine = false;
  private readonly clock: NodeJS.Timeout;
  private lastProgress = '';
  /** When the last line on the batch was written, by the runtime's clock. */
  private batchAt: number | undefined;
  private readonly startedAt: number;

  /** `preparing`: what goes on before the first phase, such as `collecting files in DIR`. */
  constructor(
    private readonly terminal: Terminal,
    private readonly preparing: string,
    private readonly now: () => number = Date.now,
  ) {
    this.startedAt = now();
    // The clock that a person watches; without a terminal a single line has to do.
    this.clock = terminal.live
      ? setInterval(() => {
          this.redraw();
        }, REDRAW_MS)
      : setTimeout(() => {
          if (this.record === undefined) this.line(`… ${this.preparing}`);
        }, QUIET_MS);
  }

  events(events: readonly RunEvent[], record: RunRecord): void {
    this.record = record;
    for (const event of events) {
      if (event.type === 'phase') this.phase(event);
      else if (event.type === 'attempt') {
        this.line(this.terminal.paint.yellow(`Attempt ${String(event.attempt)}: ${event.reason}`));
      } else if (event.type === 'log-gap') {
        this.line(
          this.terminal.paint.yellow(`${String(event.lines)} lines not kept: ${event.reason}`),
        );
      } else if (event.type === 'items-gap') {
        this.line(this.terminal.paint.yellow(`${String(event.items)} items in between not kept`));
      } else if (event.type === 'batch') {
        this.batch(event);
      } else if (event.type === 'yield') {
        this.result(formatResult(event.item));
      } else if (event.type === 'input-result') {
        this.result(`${inputName(event)}  ${formatResult(event.result)}`);
      } else if (event.type === 'rerun') {
        this.line(`Running ${rerunText(event)}`);
      }
    }
  }

  output(chunk: LogChunk): void | Promise<void> {
    this.erase();
    this.midLine = chunk.bytes.at(-1) !== NEWLINE;
    return chunk.stream === 'stdout'
      ? this.terminal.out(chunk.bytes)
      : this.terminal.err(chunk.bytes);
  }

  notice(text: string): void {
    this.line(this.terminal.paint.yellow(text));
  }

  cancelling(): void {
    this.line(this.terminal.paint.yellow('Cancelling… (Ctrl-C again ends without waiting)'));
  }

  ended(record: RunRecord): void {
    this.record = record;
    const { paint } = this.terminal;
    if (record.result !== null && !isEmpty(record)) this.result(formatResult(record.result));
    this.failedInputs(record);
    if (record.error !== null) this.line(paint.red(formatRunError(record.error)));
    const summary = [
      outcome(record),
      ...(record.device === 'cpu' && record.gpu === null ? ['on CPU'] : []),
      ...peaks(record),
      ...(record.cost === null ? [] : [costText(record.cost)]),
    ].join(' · ');
    this.line(record.status === 'succeeded' ? paint.green(summary) : paint.red(summary));
  }

  close(): void {
    clearInterval(this.clock);
    this.erase();
  }

  private phase(event: PhaseEvent): void {
    const { paint, live } = this.terminal;
    if (!endsPhase(event.status)) {
      const progress = `${event.phase}  ${event.detail ?? ''}`;
      // Without a terminal progress is lines, so only what is new is worth one.
      if (!live && event.detail !== undefined && progress !== this.lastProgress) {
        this.line(`… ${event.phase.padEnd(NAME_WIDTH)}${event.detail}`);
        this.lastProgress = progress;
      }
      return;
    }
    const time = event.status === 'skipped' ? 'skipped' : formatMs(event.ms ?? 0);
    const text = `${MARKS[event.status]} ${event.phase.padEnd(NAME_WIDTH)}${time.padEnd(10)}${event.detail ?? ''}`;
    const coloured =
      event.status === 'failed' ? paint.red : event.status === 'skipped' ? paint.dim : same;
    this.line(coloured(text.trimEnd()));
  }

  private batch(event: BatchEvent): void {
    this.batchAt ??= event.at;
    // A terminal has it in the line that is redrawn.
    if (this.terminal.live || event.at - this.batchAt < BATCH_MS) return;
    this.line(`… ${'running'.padEnd(NAME_WIDTH)}${batchTexts(event, true).join(' · ')}`);
    this.batchAt = event.at;
  }

  private failedInputs({ run, batch, failedInputs }: RunRecord): void {
    if (batch === null || failedInputs.length === 0) return;
    this.line(this.terminal.paint.red(`${failedTitle(batch, failedInputs.length)}:`));
    for (const failed of failedInputs) {
      const { input, error } = failedInputTexts(failed);
      this.line(`  ${input}  ${error}`);
    }
    const again = rerunTitle(batch);
    if (again !== undefined) this.line(`${again}: velar rerun ${run}`);
    const lost = notKeptText(batch);
    if (lost !== undefined) this.line(this.terminal.paint.yellow(`${lost}.`));
  }

  /** A line of ours, on stderr. */
  private line(text: string): void {
    this.erase();
    void this.terminal.err(`${this.midLine ? '\n' : ''}${text}\n`);
    this.midLine = false;
  }

  private result(text: string): void {
    this.erase();
    void this.terminal.out(`${this.midLine ? '\n' : ''}${text}\n`);
    this.midLine = false;
  }

  private redraw(): void {
    const phase = this.record === undefined ? undefined : currentPhase(this.record);
    // Neither a question nor a line that the function has begun must be drawn over.
    if (this.midLine || this.terminal.asking || (this.record !== undefined && phase === undefined))
      return;
    this.frame = (this.frame + 1) % FRAMES.length;
    const what =
      phase === undefined
        ? `${this.preparing}  ${formatMs(this.now() - this.startedAt)}`
        : this.clockText(phase);
    const text = `${FRAMES.charAt(this.frame)} ${what}`;
    const width = this.terminal.columns - 1;
    void this.terminal.err(`\r\x1b[2K${text.length > width ? text.slice(0, width) : text}`);
    this.drawn = true;
  }

  private clockText(phase: PhaseRecord): string {
    const elapsedMs = Math.max(0, this.now() - (phase.startedAt ?? this.now()));
    const elapsed = formatMs(elapsedMs);
    const slow = slowness(phase, elapsedMs);
    const about = phase.expectedMs === null ? '' : ` of about ${formatMs(phase.expectedMs)}`;
    const expected = slow === null ? about : `, ${slow}  `;
    const { batch } = this.record ?? {};
    if (phase.phase === 'running' && batch !== undefined && batch !== null) {
      return `${phase.phase.padEnd(NAME_WIDTH)}${elapsed.padEnd(10)}${batchTexts(batch, true).join(' · ')}`;
    }
    const memory = this.record?.memory.at(-1);
    const using =
      phase.phase === 'running' && memory !== undefined ? `  ${memoryText(memory)}` : '';
    return `${phase.phase.padEnd(NAME_WIDTH)}${`${elapsed}${expected}`.padEnd(10)}${phase.detail ?? ''}${using}`;
  }

  private erase(): void {
    if (!this.drawn) return;
    void this.terminal.err('\r\x1b[2K');
    this.drawn = false;
  }
}

const MARKS: Readonly<Record<PhaseStatus, string>> = {
  started: '…',
  progress: '…',
  done: '✓',
  skipped: '–',
  failed: '✗',
};

function same(text: string): string {
  return text;
}

/** A function that returns nothing has nothing to show. */
function isEmpty(record: RunRecord): boolean {
  return record.result !== null && 'value' in record.result && record.result.value === null;
}

function outcome(record: RunRecord): string {
  const time = record.ms === null ? '' : ` in ${formatMs(record.ms)}`;
  const made = record.calls === null ? '' : ` (${String(record.calls.done)} calls)`;
  const { batch } = record;
  const calls = batch === null ? made : ` (${batchTexts(batch, false).join(', ')})`;
  if (record.status === 'succeeded') return `Done${time}${calls}`;
  return `${record.status === 'cancelled' ? 'Cancelled' : 'Failed'}${time}${calls}`;
}

function memoryText({ device, usedBytes, totalBytes, source, card }: MemorySample): string {
  const total = totalBytes === null ? '' : ` of ${formatBytes(totalBytes)}`;
  const memory = `${formatBytes(usedBytes)}${total} ${source === 'rss' ? 'host memory' : device}`;
  return [memory, ...(card === undefined ? [] : readingTexts(card))].join(' · ');
}

function peaks(record: RunRecord): string[] {
  return Object.entries(record.peakBytes).map(([device, bytes]) => {
    const onHost = record.memory.some((one) => one.device === device && one.source === 'rss');
    const told = peakTexts(record, device);
    const of = told.length === 0 ? '' : ` (${told.join(', ')})`;
    return `peak ${formatBytes(bytes)} ${onHost ? 'host memory' : device}${of}`;
  });
}

function costText({ seconds, gpu, usd, note }: CostEvent): string {
  const what = gpu === null ? '' : ` (${seconds.toFixed(2)} s of ${gpu})`;
  return `${formatUsd(usd)}${what}${note === undefined ? '' : ` (${note})`}`;
}
