/** Who may call functions: code in containers, and local entrypoints on the client's side. */
import type { Duplex } from 'node:stream';
import { withNote } from '../images/notApplied';
import { VelarError } from '../protocol/errors';
import { callHeader } from '../protocol/hotHeaders';
import type { RunError } from '../protocol/values';
import { encodeWorkerMessage, WorkerFrameReader } from '../protocol/workerFrames';
import { callerMessageSchema, type CallerMessage } from '../protocol/workerMessages';
import { Call, type CallSink } from './call';
import { CallerSession, type CallerOptions } from './callerSession';
import { codeOf, type CallingCode, type Resolved } from './callTargets';
import type { Container } from './container';
import type { Invoke } from './invocation';
import type { CallProgress } from './progress';
import type { Run } from './run';
import { showRetry, showRunning, showStage, showWaiting, showWorkerPhase } from './runPhases';
import type { Target } from './target';

export interface CallersOptions {
  newCallId: () => number;
  resolve: (code: CallingCode, invoke: Invoke) => Resolved | Promise<Resolved>;
  submit: (calls: readonly Call[]) => void;
  cancel: (call: Call, error: RunError) => void;
  progress: (run: Run) => CallProgress;
  /** A call of a run has ended; it is no longer among the run's. */
  callGone: (run: Run) => void;
  /** Where containers are, for the reason that provisioning is skipped. */
  place: string;
  warn: (message: string) => void;
}

export class Callers {
  private readonly inContainers = new Map<Container, CallerSession>();
  private readonly local = new Map<Run, { session: CallerSession; output: Duplex }>();

  constructor(private readonly options: CallersOptions) {}

  /** A frame from code in a container: its own calls belong to the run of the call that made them. */
  fromContainer(container: Container, message: CallerMessage, body: Buffer): void {
    let session = this.inContainers.get(container);
    if (session === undefined) {
      const parents = new Map<Invoke, Call>();
      session = this.session({
        caller: () => {
          const parent = oldestCall(container);
          return parent && { run: parent.run, code: codeOf(parent.target) };
        },
        send: (header, data) => container.link?.send(header, data),
        unsentBytes: () => container.link?.unsentBytes ?? 0,
        noteInvocation: (invoke, change) => {
          if (change === 1) {
            const parent = oldestCall(container);
            if (parent !== undefined) parents.set(invoke, parent);
          }
          const parent = parents.get(invoke);
          if (change === -1) parents.delete(invoke);
          if (parent !== undefined) container.noteInvocation(parent, change);
        },
      });
      this.inContainers.set(container, session);
      container.link?.onDrain(() => this.inContainers.get(container)?.resume());
    }
    session.receive(message, body);
  }

  /** The code in the container is gone. */
  runnerGone(container: Container): void {
    this.inContainers.get(container)?.close();
    this.inContainers.delete(container);
  }

  /** Connects a local entrypoint: caller frames, and printed output as u8 fd | bytes, one chunk a write. */
  openLocal(run: Run, caller: Duplex, output: Duplex, lost: (error: Error) => void): void {
    if (this.local.has(run)) {
      throw new VelarError('conflict', `Run ${run.id} has a caller already.`);
    }
    const session = this.session({
      caller: () => ({ run, code: run.params }),
      send: (header, body) => {
        if (!caller.destroyed) caller.write(encodeWorkerMessage(header, body));
      },
      unsentBytes: () => caller.writableLength,
      noteInvocation: () => undefined,
    });
    this.local.set(run, { session, output });
    const reader = new WorkerFrameReader();
    caller.on('data', (chunk: Buffer) => {
      try {
        for (const frame of reader.push(chunk)) {
          if (frame.kind === 'message') {
            const header = callHeader(frame.header) ?? callerMessageSchema.parse(frame.header);
            session.receive(header, frame.body);
          }
        }
      } catch (error) {
        lost(
          new VelarError('protocol', 'The local entrypoint sent a broken message.', {
            cause: error,
          }),
        );
        caller.destroy();
      }
    });
    caller.on('drain', () => session.resume());
    caller.on('end', () => session.close());
    caller.on('error', lost);
    output.on('data', (chunk: Buffer) =>
      run.print(chunk[0] === 2 ? 'stderr' : 'stdout', chunk.subarray(1), 'local'),
    );
    output.on('error', lost);
  }

  /** Whether its entrypoint is connected. */
  hasLocal(run: Run): boolean {
    return this.local.has(run);
  }

  /** Calls that the runtime makes itself for a run of the same code; results come as people are shown them. */
  openOwn(run: Run, send: CallerOptions['send']): CallerSession {
    const own = {
      caller: () => ({ run, code: run.params }),
      send,
      noteInvocation: () => undefined,
    };
    return this.session(own, 'mime');
  }

  /** The entrypoint has ended: what it printed is taken, what it left open is cancelled. */
  closeLocal(run: Run): void {
    const local = this.local.get(run);
    if (local === undefined) return;
    this.local.delete(run);
    // Reading hands what is still buffered to the listener above.
    while (local.output.read() !== null);
    local.session.close();
  }

  private session(
    own: Pick<CallerOptions, 'caller' | 'send' | 'unsentBytes' | 'noteInvocation'>,
    output: Call['output'] = 'pickle',
  ): CallerSession {
    const { options } = this;
    return new CallerSession({
      ...own,
      resolve: options.resolve,
      submit: options.submit,
      cancel: options.cancel,
      warn: options.warn,
      sinkOf: (run, target, invoke) => this.sinkOf(run, target, invoke),
      progress: (run) => ({
        started: (...args) => options.progress(run).started(...args),
        inputEnded: (...args) => {
          options.progress(run).inputEnded(...args);
          options.callGone(run);
        },
        over: (invoke) => options.progress(run).over(invoke),
      }),
      makeCall: (run, target, body, invoke, sink) => {
        const call: Call = newCall(options.newCallId(), run, target, body, invoke, output, sink);
        run.calls.add(call);
        run.hide(target.hidden);
        return call;
      },
    });
  }

  /** Steps of a call made by code, as the phases of the run that it belongs to. */
  private sinkOf(
    run: Run,
    target: Target,
    invoke: Invoke,
  ): Omit<CallSink, 'item' | 'succeeded' | 'failed'> {
    const who = target.function.qualname;
    const { place } = this.options;
    let reason = '';
    return {
      waiting: (why) => {
        // Inputs of a batch that goes on wait for their turn; there is nothing to say about that.
        const inTurn = invoke.mode === 'map' && run.timeline.phase === 'running';
        if (why === reason || inTurn) return;
        reason = why;
        showWaiting(run, `${who}: ${why}`);
      },
      stage: (stage) => showStage(run, stage, who),
      dispatched: () => {
        this.options.progress(run).dispatched(invoke);
        showRunning(run, place, imageNote(target));
      },
      phase: (message) => showWorkerPhase(run, message),
      retrying: (attempt, error) => showRetry(run, who, attempt, error),
    };
  }
}

/** Reason that the image phase is skipped for a call that goes to a container that is up. */
export function imageNote({ image }: Target): string {
  return withNote('image cached', image.note);
}

function newCall(
  id: number,
  run: Run,
  target: Target,
  body: Buffer,
  invoke: Invoke,
  output: Call['output'],
  sink: CallSink,
): Call {
  const input = { format: 'pickle' as const, body, instance: invoke.instance };
  const batch = invoke.mode === 'map';
  const call = new Call(id, run, target, input, output, invoke.mode === 'gen', batch, sink);
  call.spawned = invoke.mode === 'spawn';
  return call;
}

/** The call that the runner works on: it takes them one after another. */
function oldestCall(container: Container): Call | undefined {
  for (const call of container.inflight.values()) return call;
  return undefined;
}
