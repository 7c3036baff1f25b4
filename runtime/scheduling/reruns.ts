/** Runs of the inputs that failed in another run: the runtime itself is the caller, and the code is that of now. */
import { formatBytes, plural } from '../protocol/figures';
import type { MethodParams } from '../protocol/methods';
import type { ResultValue, RunError } from '../protocol/values';
import type { BundleStore } from '../store/bundles';
import type { KeptInput } from '../store/failedInputs';
import { KEPT_RESULT_CHARACTERS } from '../store/runs';
import type { CallerOptions, CallerSession } from './callerSession';
import type { Clock } from './clock';
import { parseResult } from './functionRun';
import type { Invoke, OutputItem } from './invocation';
import type { Run } from './run';
import type { FailedInputsOf, RunBook } from './runBook';
import type { RerunService, Starter } from './service';

/** Results of one run that are shown; larger ones are named with their size, as one over the run's limit is. */
const MAX_SHOWN_BYTES = 64 * 1024 * 1024;

type End = { result: ResultValue } | { error: RunError };

export interface RerunsOptions {
  runs: Pick<RunBook, 'knows' | 'begin' | 'failedInputs'>;
  bundles: Pick<BundleStore, 'requireWhole'>;
  clock: Clock;
  /** Begins calls for a run; `send` gets what callers are sent. */
  open: (run: Run, send: CallerOptions['send']) => CallerSession;
  /** Says which number a map had where it failed. */
  numbered: (run: Run, map: Invoke, number: number) => void;
  end: (run: Run, end: End) => void;
}

export class Reruns implements RerunService {
  private readonly going = new Map<Run, CallerSession>();

  constructor(private readonly options: RerunsOptions) {}

  failed(run: string): Promise<FailedInputsOf> {
    return this.options.runs.failedInputs(run);
  }

  async start(params: MethodParams<'run.rerun'>, by?: Starter): Promise<void> {
    const { run: id, of, bundle, file, cpu, origin } = params;
    const { runs, bundles, clock } = this.options;
    if (runs.knows(id)) return;
    bundles.requireWhole(bundle);
    const { summary, inputs, notKept } = await this.failed(of);
    // The same request may have come again in the meantime.
    if (runs.knows(id)) return;
    const { qualname } = summary;
    const none = { args: [], kwargs: {} };
    const code = { bundle, file, qualname, kind: 'function' as const, cpu };
    const from = { ...(origin === undefined ? {} : { origin }), device: by?.device };
    const run = runs.begin({ run: id, ...code, ...from, arguments: none, rerunOf: of });
    run.publish({ type: 'rerun', at: clock.now(), of, inputs: inputs.length, notKept });
    run.advance((timeline, at) => timeline.enter('queued', at));
    this.call(run, inputs);
  }

  /** The run is over: what it has not begun by now is not begun any more. */
  ended(run: Run): void {
    this.going.get(run)?.close();
    this.going.delete(run);
  }

  private call(run: Run, inputs: readonly KeptInput[]): void {
    const maps = byMap(inputs);
    const outcome = new Outcome(run, this.options.clock, maps, (end) => {
      this.options.end(run, end);
    });
    const session = this.options.open(run, (header, body) => {
      outcome.receive(header, body);
    });
    this.going.set(run, session);
    for (const [position, map] of maps.entries()) {
      const [first] = map;
      if (first === undefined) continue;
      const invoke = invokeOf(first, position);
      this.options.numbered(run, invoke, first.map);
      session.receive(invoke, Buffer.alloc(0));
      for (const [number, { index, body }] of map.entries()) {
        const last = number === map.length - 1;
        const sizes = [body.byteLength];
        session.receive({ type: 'inputs', invocation: position, first: index, sizes, last }, body);
      }
    }
  }
}

/** Tells what comes of the inputs, and ends the run after the last one. */
class Outcome {
  private readonly errors: RunError[] = [];
  private open: number;
  private shownBytes = 0;
  private refused: RunError | undefined;

  constructor(
    private readonly run: Run,
    private readonly clock: Clock,
    private readonly maps: readonly (readonly KeptInput[])[],
    private readonly end: (end: End) => void,
  ) {
    this.open = maps.length;
  }

  /** What a caller is sent: outputs, and the end of an invocation. */
  receive(header: object, body?: Buffer): void {
    const message = header as
      | { type: 'outputs'; invocation: number; items: OutputItem[] }
      | { type: 'invocation-end'; error?: RunError }
      | { type: 'credit' };
    if (message.type === 'outputs') {
      this.run.together(() => this.outputs(message.invocation, message.items, body));
    } else if (message.type === 'invocation-end') {
      this.refused ??= message.error;
      this.open -= 1;
      if (this.open === 0) this.end(this.outcome());
    }
  }

  private outputs(invocation: number, items: readonly OutputItem[], body?: Buffer): void {
    let offset = 0;
    for (const { index, size, error } of items) {
      if (error === undefined) this.show(invocation, index, body?.subarray(offset, offset + size));
      else this.errors.push(error);
      offset += size;
    }
  }

  private show(invocation: number, index: number, body: Buffer = Buffer.alloc(0)): void {
    const [of] = this.maps[invocation] ?? [];
    const result = this.resultOf(body);
    if (of === undefined || result === undefined) return;
    const { map, function: name } = of;
    const at = this.clock.now();
    this.run.publish({ type: 'input-result', at, map, function: name, index, result });
  }

  private resultOf(body: Buffer): ResultValue | undefined {
    const { byteLength } = body;
    if (byteLength > KEPT_RESULT_CHARACTERS || this.shownBytes + byteLength > MAX_SHOWN_BYTES) {
      const text = `(a result of ${formatBytes(byteLength)}, too large to be shown here)`;
      return { mime: { 'text/plain': text } };
    }
    this.shownBytes += byteLength;
    const parsed = parseResult(body);
    if ('result' in parsed) return parsed.result;
    this.errors.push(parsed.error);
    return undefined;
  }

  private outcome(): End {
    const cancelled = this.errors.find(({ kind }) => kind === 'cancelled');
    const error = this.refused ?? cancelled ?? failedAgain(this.errors, this.maps.flat().length);
    return error === undefined ? { result: { value: null } } : { error };
  }
}

function byMap(inputs: readonly KeptInput[]): KeptInput[][] {
  const maps = new Map<number, KeptInput[]>();
  for (const input of inputs) {
    const known = maps.get(input.map);
    if (known === undefined) maps.set(input.map, [input]);
    else known.push(input);
  }
  return [...maps.values()];
}

function invokeOf({ app, function: name, instance, environment }: KeptInput, at: number): Invoke {
  return {
    type: 'invoke',
    invocation: at,
    function: name,
    mode: 'map',
    ordered: false,
    returnExceptions: true,
    instance,
    ...(environment === undefined ? { app } : { deployed: { app, environment } }),
  };
}

/** Undefined where none did. A failure of the user's code goes before one of the platform. */
function failedAgain(errors: readonly RunError[], inputs: number): RunError | undefined {
  const [first] = errors;
  if (first === undefined) return undefined;
  const kind = errors.some((error) => error.kind === 'user') ? 'user' : first.kind;
  return {
    kind,
    type: 'InputsFailed',
    message: `${String(errors.length)} of ${plural(inputs, 'input')} failed again.`,
    traceback: [],
    hint: 'They are listed with the reason of each, and can be run again.',
    // Of one of them there is more to see.
    capture: errors.find(({ capture }) => capture !== undefined)?.capture,
  };
}
