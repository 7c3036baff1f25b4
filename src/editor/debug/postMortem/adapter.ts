/**
 * Debug adapter of a failure that is over: one stopped thread, its frames and variables as they were
 * captured at the raise. Nothing runs, so nothing steps.
 */
import * as vscode from 'vscode';
import type { CapturedFrame, PostMortem } from '../../../../runtime/protocol/postMortem';
import { evaluate } from './evaluate';
import { stackOf, titleOf, type StackRow } from './stack';
import { childrenOf, showValue } from './values';

/** Where a frame's file is on this machine; undefined for what exists in the container only. */
export type FindSource = (file: string) => vscode.Uri | undefined;

interface Request {
  readonly seq: number;
  readonly type: string;
  readonly command: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

const THREAD = 1;
const NO_STEPS =
  'This run is over: its frames are shown as they were when it failed. Run or debug it again to step.';
/** Scopes are numbered by frame from here on, values from 1. */
const FIRST_SCOPE = 1_000_000;
const FIRST_SOURCE = 1;

export class PostMortemAdapter implements vscode.DebugAdapter {
  private readonly messages = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  readonly onDidSendMessage = this.messages.event;
  private readonly rows: readonly StackRow[];
  private seq = 0;

  constructor(
    private readonly frames: PostMortem,
    private readonly findSource: FindSource,
  ) {
    this.rows = stackOf(frames);
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    const request = message as Request;
    if (request.type !== 'request') return;
    try {
      this.respond(request, this.answer(request));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const body = { error: { id: 1, format: text.replaceAll(/[{}]/g, ''), showUser: false } };
      this.send({ ...responseTo(request), success: false, message: text, body });
    }
    if (request.command === 'initialize') this.send({ type: 'event', event: 'initialized' });
    if (request.command === 'configurationDone') this.stop();
    if (request.command === 'disconnect') this.send({ type: 'event', event: 'terminated' });
  }

  dispose(): void {
    this.messages.dispose();
  }

  private answer({ command, arguments: given = {} }: Request): unknown {
    switch (command) {
      case 'initialize':
        return {
          supportsConfigurationDoneRequest: true,
          supportsExceptionInfoRequest: true,
          supportsEvaluateForHovers: true,
          supportsDelayedStackTraceLoading: true,
        };
      case 'launch':
      case 'attach':
      case 'configurationDone':
      case 'disconnect':
      case 'terminate':
      case 'setExceptionBreakpoints':
        return {};
      case 'setBreakpoints':
      case 'setFunctionBreakpoints':
        return { breakpoints: unverified(given['breakpoints']) };
      case 'threads':
        return { threads: [{ id: THREAD, name: 'The failed call' }] };
      case 'stackTrace':
        return this.stackTrace(numberOf(given['startFrame']) ?? 0, numberOf(given['levels']) ?? 0);
      case 'scopes':
        return { scopes: this.scopes(numberOf(given['frameId']) ?? -1) };
      case 'variables':
        return { variables: this.variables(numberOf(given['variablesReference']) ?? 0) };
      case 'evaluate':
        return this.evaluate(textOf(given['expression']), numberOf(given['frameId']));
      case 'exceptionInfo':
        return this.exceptionInfo();
      case 'source':
        return { content: this.sourceText(given), mimeType: 'text/x-python' };
      default:
        throw new Error(NO_STEPS);
    }
  }

  private stop(): void {
    const [raised] = this.frames.exceptions;
    const body = {
      reason: 'exception',
      description: 'Failed, and over',
      text: raised === undefined ? '' : titleOf(raised),
      threadId: THREAD,
      allThreadsStopped: true,
    };
    this.send({ type: 'event', event: 'stopped', body });
  }

  private stackTrace(start: number, levels: number): unknown {
    const end = levels === 0 ? this.rows.length : start + levels;
    const stackFrames = this.rows.slice(start, end).map((row, offset) => {
      const id = start + offset;
      if (row.kind === 'label') {
        return { id, name: row.text, line: 0, column: 0, presentationHint: 'label' };
      }
      const { file, line, function: name } = row.frame;
      const uri = this.findSource(file);
      const source =
        uri === undefined
          ? {
              name: file,
              path: file,
              sourceReference: FIRST_SOURCE + id,
              origin: 'in the container; only this line was captured',
              presentationHint: 'deemphasize',
            }
          : { name: file, path: uri.scheme === 'file' ? uri.fsPath : uri.toString() };
      return {
        id,
        name,
        source,
        line: uri === undefined ? 1 : line,
        column: 1,
        ...(uri === undefined ? { presentationHint: 'subtle' } : {}),
      };
    });
    return { stackFrames, totalFrames: this.rows.length };
  }

  private scopes(frameId: number): unknown[] {
    const row = this.rows[frameId];
    if (row?.kind !== 'frame') return [];
    return [
      {
        name: 'Locals',
        presentationHint: 'locals',
        variablesReference: FIRST_SCOPE + frameId,
        expensive: false,
      },
      {
        name: 'Exception',
        variablesReference: row.exception.value + 1,
        expensive: true,
      },
    ];
  }

  private variables(reference: number): unknown[] {
    if (reference >= FIRST_SCOPE) {
      const frame = this.frameAt(reference - FIRST_SCOPE);
      const rows = frame.locals.map(([name, index]) => this.variable(name, index, name));
      return [...rows, ...leftOut(frame.moreLocals)];
    }
    const found = childrenOf(this.frames, reference - 1);
    if (found === undefined) return [];
    const rows = found.children.map(([name, index]) => this.variable(name, index, undefined));
    return [...rows, ...leftOut(found.more)];
  }

  private variable(name: string, index: number, evaluateName: string | undefined): unknown {
    const { value, type, opens } = showValue(this.frames, index);
    return {
      name,
      value,
      type,
      variablesReference: opens ? index + 1 : 0,
      presentationHint: { attributes: ['readOnly'] },
      ...(evaluateName === undefined ? {} : { evaluateName }),
    };
  }

  private evaluate(expression: string, frameId: number | undefined): unknown {
    const first = this.rows.findIndex(({ kind }) => kind === 'frame');
    const found = evaluate(this.frames, this.frameAt(frameId ?? first), expression);
    if (!found.ok) throw new Error(found.reason);
    const { value, type, opens } = showValue(this.frames, found.index);
    return { result: value, type, variablesReference: opens ? found.index + 1 : 0 };
  }

  private exceptionInfo(): unknown {
    const [raised] = this.frames.exceptions;
    if (raised === undefined) throw new Error('Nothing was captured of this failure.');
    const stack = this.frames.exceptions.map(titleOf).join('\n');
    return {
      exceptionId: raised.type,
      description: raised.message,
      breakMode: 'unhandled',
      details: { message: raised.message, typeName: raised.type, stackTrace: stack },
    };
  }

  private sourceText(given: Readonly<Record<string, unknown>>): string {
    const row = this.rows[(numberOf(given['sourceReference']) ?? 0) - FIRST_SOURCE];
    if (row?.kind !== 'frame') throw new Error('This source is not known.');
    const { file, line, text } = row.frame;
    const shown = text === '' ? '# The source of this line is not known.' : text;
    return `${shown}\n\n# ${file}, line ${String(line)}, in the container. Only this line was captured.\n`;
  }

  private frameAt(id: number): CapturedFrame {
    const row = this.rows[id];
    if (row?.kind !== 'frame') throw new Error('Choose a frame of the call stack first.');
    return row.frame;
  }

  private respond(request: Request, body: unknown): void {
    this.send({ ...responseTo(request), success: true, body });
  }

  private send(message: Readonly<Record<string, unknown>>): void {
    this.seq += 1;
    this.messages.fire({ seq: this.seq, ...message });
  }
}

function responseTo({ seq, command }: Request): Record<string, unknown> {
  return { type: 'response', request_seq: seq, command };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function unverified(asked: unknown): unknown[] {
  const count = Array.isArray(asked) ? asked.length : 0;
  return Array.from({ length: count }, () => ({ verified: false, message: NO_STEPS }));
}

function leftOut(more: number): unknown[] {
  if (more === 0) return [];
  const value = more < 0 ? 'more was not captured' : `${String(more)} more, not captured`;
  return [{ name: '…', value, variablesReference: 0 }];
}
