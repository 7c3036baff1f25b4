/** The caller protocol with one process of the user: all its invocations, for one run. */
import type { RunError } from '../protocol/values';
import type { CallerMessage } from '../protocol/workerMessages';
import type { Call, CallSink } from './call';
import type { CallingCode, Resolved } from './callTargets';
import {
  Invocation,
  MAX_UNTAKEN_BYTES,
  type InvocationHost,
  type InvocationProgress,
  type Invoke,
} from './invocation';
import type { Run } from './run';
import type { Target } from './target';

export interface CallerOptions {
  /** The code that calls, and the run that its calls belong to, as things stand. */
  caller: () => { run: Run; code: CallingCode } | undefined;
  send: (header: object, body?: Buffer) => void;
  /** Bytes that were sent and that the caller has not taken yet; `resume` is called when they are gone. */
  unsentBytes?: () => number;
  /** Finds what is called; at once where it is known already. */
  resolve: (code: CallingCode, invoke: Invoke) => Resolved | Promise<Resolved>;
  makeCall: (run: Run, target: Target, input: Buffer, invoke: Invoke, sink: CallSink) => Call;
  submit: (calls: readonly Call[]) => void;
  cancel: (call: Call, error: RunError) => void;
  sinkOf: (
    run: Run,
    target: Target,
    invoke: Invoke,
  ) => Omit<CallSink, 'item' | 'succeeded' | 'failed'>;
  progress: (run: Run) => InvocationProgress;
  /** The caller began to wait for calls of its own, or one of them ended. */
  noteInvocation: (invoke: Invoke, change: 1 | -1) => void;
  warn: (message: string) => void;
}

export class CallerSession {
  private readonly invocations = new Map<number, Invocation>();
  private closed = false;

  constructor(private readonly options: CallerOptions) {}

  receive(message: CallerMessage, body: Buffer): void {
    if (this.closed) return;
    switch (message.type) {
      case 'invoke':
        this.invoke(message);
        break;
      case 'inputs':
        // One that has ended may still be sent to: the two cross on the way.
        this.invocations.get(message.invocation)?.inputs(message, body);
        break;
      case 'cancel-invocation':
        this.invocations.get(message.invocation)?.cancel(cancelled());
        break;
    }
  }

  /** The caller has taken all that was sent. */
  resume(): void {
    for (const invocation of [...this.invocations.values()]) invocation.resume();
  }

  /** The caller is gone. What it waited for is cancelled; what it spawned goes on. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const invocation of [...this.invocations.values()]) {
      if (!invocation.spawned) invocation.cancel(cancelled());
    }
    this.invocations.clear();
  }

  private invoke(invoke: Invoke): void {
    const caller = this.options.caller();
    const host = this.hostOf(caller?.run);
    const invocation = new Invocation(invoke, host);
    this.invocations.set(invoke.invocation, invocation);
    this.options.noteInvocation(invoke, 1);
    if (caller === undefined) {
      invocation.fail(cancelled());
      return;
    }
    const resolved = this.options.resolve(caller.code, invoke);
    const apply = (result: Resolved): void => {
      if ('error' in result) invocation.fail(result.error);
      else invocation.resolved(result.target);
    };
    if (resolved instanceof Promise)
      resolved.then(apply, (error: unknown) => this.options.warn(String(error)));
    else apply(resolved);
  }

  private hostOf(run: Run | undefined): InvocationHost {
    const { options } = this;
    const needed = (): Run => {
      if (run === undefined) throw new Error('An invocation without a run has no calls.');
      return run;
    };
    return {
      send: (header, body) => {
        if (!this.closed) options.send(header, body);
      },
      behind: () => (options.unsentBytes?.() ?? 0) > MAX_UNTAKEN_BYTES / 2,
      submit: options.submit,
      cancel: options.cancel,
      makeCall: (target, input, invoke, sink) =>
        options.makeCall(needed(), target, input, invoke, sink),
      sinkOf: (target, invoke) => options.sinkOf(needed(), target, invoke),
      progress: {
        started: (...args) => options.progress(needed()).started(...args),
        inputEnded: (...args) => options.progress(needed()).inputEnded(...args),
        over: (invoke) => {
          if (run !== undefined) options.progress(run).over(invoke);
        },
      },
      ended: (invocation) => {
        if (this.invocations.get(invocation.invoke.invocation) === invocation) {
          this.invocations.delete(invocation.invoke.invocation);
        }
        options.noteInvocation(invocation.invoke, -1);
      },
    };
  }
}

function cancelled(): RunError {
  return {
    kind: 'cancelled',
    type: 'Cancelled',
    message: 'The call was cancelled by its caller.',
    traceback: [],
  };
}
