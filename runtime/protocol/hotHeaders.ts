/**
 * Headers that every call passes through, checked by hand: the schemas of workerMessages.ts take ten times as long.
 * What does not fit is left to those, which say what is wrong.
 */
import type { CallerMessage, WorkerMessage } from './workerMessages';

type Result = Extract<WorkerMessage, { type: 'result' }>;
type Fields = Readonly<Record<string, unknown>>;

/** A result as the schema would take it; undefined for anything else. */
export function resultHeader(header: unknown): Result | undefined {
  if (!isFields(header) || header['type'] !== 'result') return undefined;
  const { call, attempt, ms, modelLoadMs, format, logged } = header;
  if (!isCount(call) || !isInteger(attempt) || !isNumber(ms) || !isNumber(modelLoadMs)) {
    return undefined;
  }
  if (format !== 'mime' && format !== 'pickle') return undefined;
  const result: Result = { type: 'result', call, attempt, ms, modelLoadMs, format };
  if (logged === undefined) return result;
  return isCount(logged) ? { ...result, logged } : undefined;
}

/** An invocation of one call, or its inputs, as the schema would take it; undefined for anything else. */
export function callHeader(header: unknown): CallerMessage | undefined {
  if (!isFields(header) || !isInteger(header['invocation'])) return undefined;
  const { invocation } = header;
  if (header['type'] === 'inputs') {
    const { first, sizes, last } = header;
    if (!isInteger(first) || !isSizes(sizes) || typeof last !== 'boolean') return undefined;
    return { type: 'inputs', invocation, first, sizes, last };
  }
  if (header['type'] !== 'invoke' || header['mode'] !== 'call') return undefined;
  if (header['deployed'] !== undefined) return undefined;
  const { app, function: name, ordered, returnExceptions, instance } = header;
  if (typeof app !== 'string' || typeof name !== 'string') return undefined;
  if (typeof ordered !== 'boolean' || typeof returnExceptions !== 'boolean') return undefined;
  if (typeof instance !== 'boolean') return undefined;
  const how = { mode: 'call' as const, ordered, returnExceptions, instance };
  return { type: 'invoke', invocation, app, function: name, ...how };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isCount(value: unknown): value is number {
  return isInteger(value) && value >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}
