/**
 * One debugged process: the editor on one side, debugpy in the container on the other. Messages pass through;
 * rewritten is where code is, and what must be ours: start, stop, and the end of the run. Knows no editor.
 */
import { setTimeout } from 'node:timers/promises';
import { VelarError } from '../../../runtime/protocol/errors';
import { setBreakpoints } from './breakpoints';
import { CAPABILITIES, debugpyFilters, initializeArguments } from './capabilities';
import { isBody, type DapBody, type DapEvent, type DapRequest, type DapResponse } from './dap';
import { EntryStop } from './entryStop';
import type { PathMap } from './paths';
import { DebugPeer, type DebugStream } from './peer';
import { bodyToLocal, requestToRemote } from './sources';
import { tidy } from './tidy';

/** A process that is ready to be debugged. */
export interface Debuggee {
  readonly stream: DebugStream;
  readonly paths: PathMap;
  /** Of debugpy's `attach`. */
  readonly attach: DapBody;
  /** Stop where this function begins. */
  readonly entry?: string | undefined;
}

/** What a session is about; what it can't do itself. */
export interface SessionHost {
  /** Starts what is debugged, or waits for it. Aborted when the person stops. */
  begin(signal: AbortSignal): Promise<Debuggee>;
  /** The start failed: the person is told by whoever implements this. */
  failed(error: VelarError): void;
  /** A process joined: `attach` is what its own session sends to debugpy. */
  joined(attach: DapBody): void;
  /** The person is done. `terminate`: the run ends too; else the code goes on without a debugger. */
  stop(terminate: boolean): Promise<void>;
  /** Resolves when the session is to end: the run is over, its output shown. Undefined: with the process. */
  readonly over: Promise<void> | undefined;
}

type Outgoing = (message: DapResponse | DapEvent) => void;

/** How long the runtime may take to pass on the last of what debugpy tells, in ms: longer than it waits itself. */
const DRAIN_MS = 4000;

/** Events of debugpy that are for its own tools. */
const UNUSED_EVENTS = new Set(['debugpySockets', 'debugpyWaitingForServer', 'exited', 'process']);

export class DebugSession {
  private readonly abort = new AbortController();
  private launched = false;
  private seq = 0;
  private client: DapBody = {};
  private peer: DebugPeer | undefined;
  private debuggee: Debuggee | undefined;
  private entry: EntryStop | undefined;
  private ended = false;
  private leave: () => void = () => undefined;
  /** Resolves when the channel to the process has closed. */
  private readonly left = new Promise<void>((resolve) => (this.leave = resolve));

  constructor(
    private readonly host: SessionHost,
    private readonly outgoing: Outgoing,
  ) {}

  /** Takes a request of the editor. */
  handle(request: DapRequest): void {
    const args = request.arguments ?? {};
    switch (request.command) {
      case 'initialize':
        this.client = args;
        this.respond(request, { success: true, body: CAPABILITIES });
        break;
      case 'launch':
      case 'attach':
        this.launched = request.command === 'launch';
        void this.start(request);
        break;
      case 'disconnect':
        void this.stop(request, args);
        break;
      default:
        this.pass(request, args);
    }
  }

  /** Text for the debug console; `at`: where a line of a traceback points to. */
  output(category: string, output: string, at?: { source: DapBody; line: number }): void {
    if (this.ended) return;
    const body = { category, output, ...at };
    this.outgoing({ type: 'event', seq: this.nextSeq(), event: 'output', body });
  }

  /** Of a run that is over: resolves when all that the process told, such as lines of logpoints, was handed on. */
  async drained(): Promise<void> {
    if (this.peer?.isOpen !== true) return;
    // The runtime closes the channel behind the last of it.
    await Promise.race([this.left, setTimeout(DRAIN_MS, undefined, { ref: false })]);
  }

  /** The editor needs it no more. */
  dispose(): void {
    this.abort.abort();
    this.ended = true;
    this.peer?.end();
  }

  private async start(request: DapRequest): Promise<void> {
    try {
      this.debuggee = await this.host.begin(this.abort.signal);
      const { stream, attach, entry } = this.debuggee;
      this.entry = entry === undefined ? undefined : new EntryStop(entry);
      this.peer = new DebugPeer(stream, {
        event: (event) => this.heard(event),
        closed: (error) => this.closed(error),
      });
      await this.peer.request('initialize', initializeArguments(this.client));
      void this.host.over?.then(() => this.end());
      // Answered once the editor has sent its breakpoints, which debugpy asks for by `initialized`.
      this.peer.send('attach', attach, ({ success, message, body }) => {
        this.respond(request, {
          success,
          ...(message === undefined ? {} : { message }),
          ...(body === undefined ? {} : { body }),
        });
      });
    } catch (error) {
      this.refuse(request, VelarError.from(error));
    }
  }

  /** The person reads why in a message of ours, which has buttons; the editor's own dialog would come on top. */
  private refuse(request: DapRequest, error: VelarError): void {
    const format = [error.message, error.hint ?? ''].join(' ').trim();
    const told = { id: 1, format, showUser: false };
    this.respond(request, { success: false, message: format, body: { error: told } });
    this.host.failed(error);
    this.end();
  }

  private async stop(request: DapRequest, args: DapBody): Promise<void> {
    const wanted = args['terminateDebuggee'];
    const terminate = typeof wanted === 'boolean' ? wanted : this.launched;
    this.abort.abort();
    if (!terminate && this.peer?.isOpen === true) {
      await this.peer.request('disconnect', { terminateDebuggee: false }).catch(() => undefined);
    }
    try {
      await this.host.stop(terminate);
    } catch (error) {
      this.host.failed(VelarError.from(error));
    }
    this.peer?.end();
    this.respond(request, { success: true });
    this.end();
  }

  private pass(request: DapRequest, args: DapBody): void {
    const { peer, debuggee } = this;
    const { command } = request;
    const answer = (response: Pick<DapResponse, 'success' | 'message' | 'body'>): void => {
      this.respond(request, response);
    };
    if (peer === undefined || debuggee === undefined) {
      answer({ success: false, message: 'The function has not started yet.' });
      return;
    }
    const { paths } = debuggee;
    if (command === 'setBreakpoints') {
      setBreakpoints(peer, paths, args, answer);
      return;
    }
    const sent = this.changed(command, requestToRemote(command, args, paths));
    if (sent === undefined) {
      answer({ success: false, message: 'This file is not part of the run.' });
      return;
    }
    const { entry } = this;
    peer.send(command, sent, (response) => {
      const { body } = response;
      const withEntry = command === 'setFunctionBreakpoints' && entry !== undefined && isBody(body);
      answer(withEntry ? { ...response, body: entry.answer(body) } : response);
    });
  }

  private changed(command: string, args: DapBody | undefined): DapBody | undefined {
    switch (command) {
      case 'setExceptionBreakpoints':
        return { filters: debugpyFilters(args?.['filters']) };
      case 'setFunctionBreakpoints':
        return this.entry?.added(args ?? {}) ?? args;
      case 'configurationDone':
        // An editor without function breakpoints of its own sends none, and ours would be lost.
        this.entry?.ensure(this.quietly);
        return args;
      default:
        return args;
    }
  }

  /** A request of ours whose answer says nothing new. */
  private readonly quietly = (command: string, args: DapBody): void => {
    this.peer?.send(command, args, () => undefined);
  };

  private heard(event: DapEvent): void {
    const body = event.body ?? {};
    if (UNUSED_EVENTS.has(event.event)) return;
    switch (event.event) {
      case 'debugpyAttach':
        this.host.joined(body);
        return;
      case 'terminated':
        // The run tells when it is over: its last output is still on its way.
        return;
      case 'output':
        if (body['category'] === 'telemetry') return;
        break;
      case 'stopped':
        this.event('stopped', this.entry?.reached(body, this.quietly) ?? body);
        return;
      default:
    }
    this.event(event.event, body);
  }

  private closed(error: VelarError | undefined): void {
    this.leave();
    if (error !== undefined && !this.ended) {
      this.output('important', `The connection to the debugger was lost. ${error.message}\n`);
    }
    if (this.host.over === undefined) this.end();
  }

  private end(): void {
    if (this.ended) return;
    this.event('terminated', {});
    this.ended = true;
    this.peer?.end();
  }

  private event(event: string, body: DapBody): void {
    if (this.ended) return;
    this.outgoing({ type: 'event', seq: this.nextSeq(), event, body: this.shown(event, body) });
  }

  private respond(
    { seq, command }: DapRequest,
    { success, message, body }: Pick<DapResponse, 'success' | 'message' | 'body'>,
  ): void {
    this.outgoing({
      type: 'response',
      seq: this.nextSeq(),
      request_seq: seq,
      command,
      success,
      ...(message === undefined ? {} : { message }),
      ...(isBody(body) ? { body: this.shown(command, body) } : {}),
    });
  }

  private shown(name: string, body: DapBody): DapBody {
    const { debuggee } = this;
    return debuggee === undefined ? body : tidy(name, bodyToLocal(name, body, debuggee.paths));
  }

  private nextSeq(): number {
    this.seq += 1;
    return this.seq;
  }
}
