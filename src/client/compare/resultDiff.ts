/** What two calls gave, laid side by side: by structure where both are JSON, else line by line. Pure. */
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import type { ResultDifference } from '../../../runtime/protocol/tryState';
import type { ResultValue } from '../../../runtime/protocol/values';
import { diffJson } from './jsonDiff';
import { diffText } from './textDiff';

/** What a call gave, in the form that it is compared in. */
export type Outcome =
  | { kind: 'json'; value: unknown }
  | { kind: 'text'; text: string }
  /** Pictures and the like. `data`: as sent, base64. */
  | { kind: 'data'; mime: string; data: string }
  | { kind: 'error'; text: string };

/** Structured forms first. Plain text comes last: beside a picture it is but its name. */
const FORMS = ['application/vnd.velar.table+json', 'application/json'];

/** Of a call that has ended. What a generator yielded comes as a list. */
export function outcomeOf({ error, result, yields }: RunRecord): Outcome {
  if (error !== null) {
    return { kind: 'error', text: `${error.type ?? error.kind}: ${error.message}` };
  }
  if (yields.length > 0) return { kind: 'json', value: yields.map(valueOf) };
  if (result === null) return { kind: 'error', text: 'no result' };
  if ('value' in result) return plain(result.value);
  const all = Object.keys(result.mime);
  const mime =
    FORMS.find((form) => form in result.mime) ??
    all.find((form) => form !== 'text/plain') ??
    all[0];
  if (mime === undefined) return { kind: 'error', text: 'an empty result' };
  const data = result.mime[mime];
  if (typeof data !== 'string') return { kind: 'json', value: data };
  const isText = mime.startsWith('text/') || mime === 'image/svg+xml';
  return isText ? { kind: 'text', text: data } : { kind: 'data', mime, data };
}

export function diffOutcomes(
  staging: Outcome,
  production: Outcome,
  tolerance: number,
): ResultDifference {
  if (staging.kind === 'json' && production.kind === 'json') {
    const { entries, total, largest } = diffJson(staging.value, production.value, tolerance);
    return total === 0 ? { kind: 'equal', largest } : { kind: 'json', entries, total };
  }
  if (staging.kind === 'data' && production.kind === 'data') return diffData(staging, production);
  if (staging.kind !== production.kind && (isError(staging) || isError(production))) {
    return { kind: 'other', text: `${told(staging, 'Staging')} ${told(production, 'Production')}` };
  }
  const { lines, total } = diffText(textOf(staging), textOf(production));
  return total === 0 && staging.kind === production.kind
    ? { kind: 'equal', largest: 0 }
    : total === 0
      ? { kind: 'other', text: 'Both give the same text, but of another type.' }
      : { kind: 'text', lines, total };
}

function plain(value: unknown): Outcome {
  return typeof value === 'string' ? { kind: 'text', text: value } : { kind: 'json', value };
}

function valueOf(item: ResultValue): unknown {
  return 'value' in item ? item.value : item.mime;
}

function isError({ kind }: Outcome): boolean {
  return kind === 'error';
}

function told(outcome: Outcome, side: string): string {
  if (outcome.kind === 'error') return `${side} failed with ${outcome.text}.`;
  return `${side} returned a result.`;
}

function diffData(
  staging: Extract<Outcome, { kind: 'data' }>,
  production: Extract<Outcome, { kind: 'data' }>,
): ResultDifference {
  if (staging.mime !== production.mime) {
    const text = `Staging gives ${staging.mime}, production ${production.mime}.`;
    return { kind: 'other', text };
  }
  if (staging.data === production.data) return { kind: 'equal', largest: 0 };
  return { kind: 'other', text: `The two results of type ${staging.mime} are not the same.` };
}

function textOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'json':
      return JSON.stringify(outcome.value, null, 2);
    case 'data':
      return outcome.data;
    case 'text':
    case 'error':
      return outcome.text;
  }
}
