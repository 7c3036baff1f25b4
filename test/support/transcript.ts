/** Transcripts of debug traffic with what differs from run to run masked. */
import type { DapMessage } from './dapClient';

/** Told at times of the adapter's own choosing, or of no interest to anybody who reads along. */
const LEFT_OUT = new Set([
  'output',
  'module',
  'continued',
  'process',
  'thread',
  'debugpySockets',
  'debugpyWaitingForServer',
]);
/** Numbers that the adapter chooses. */
const MASKED = new Set(['id', 'frameId', 'variablesReference', 'threadId']);
/** Of bodies: what differs between versions of debugpy, or says nothing here. */
const OMITTED = new Set([
  'evaluateName',
  'presentationHint',
  'sourceReference',
  'preserveFocusHint',
  'allThreadsStopped',
  'hitBreakpointIds',
]);

/** One line for each message: who spoke, what, and the body that is asked for by `shown`. */
export function maskedTranscript(
  messages: readonly DapMessage[],
  root: string,
  shown: ReadonlySet<string>,
): string[] {
  return messages
    .filter(({ event }) => event === undefined || !LEFT_OUT.has(event))
    .map((message) => {
      const name = message.command ?? message.event ?? '';
      const what = { request: 'client', response: 'answer', event: 'event' }[message.type];
      const content = message.type === 'request' ? message.arguments : message.body;
      const failed = message.success === false ? ' failed' : '';
      const body =
        shown.has(name) && content !== undefined ? ` ${masked(content, root, message.type)}` : '';
      return `${what} ${name}${failed}${body}`;
    });
}

function masked(content: unknown, root: string, messageOf: DapMessage['type']): string {
  return JSON.stringify(content, (key, value: unknown) => {
    if (OMITTED.has(key)) return undefined;
    // A plain value has no variables of its own, a stop no number that matters.
    const plain = value === 0 && key === 'variablesReference';
    const place = key === 'threadId' && messageOf === 'event';
    if (plain || place) return undefined;
    if (typeof value === 'number' && MASKED.has(key)) return '#';
    return typeof value === 'string' ? value.replaceAll(root, '<root>') : value;
  });
}
