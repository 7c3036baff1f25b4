/** The Debug Adapter Protocol as far as this adapter looks into it; the rest passes through unread. */

/** Anything that a message carries. */
export type DapBody = Record<string, unknown>;

export interface DapRequest {
  readonly type: 'request';
  readonly seq: number;
  readonly command: string;
  readonly arguments?: DapBody;
}

export interface DapResponse {
  readonly type: 'response';
  readonly seq: number;
  readonly request_seq: number;
  readonly success: boolean;
  readonly command: string;
  /** Why it failed, in short. */
  readonly message?: string;
  readonly body?: DapBody;
}

export interface DapEvent {
  readonly type: 'event';
  readonly seq: number;
  readonly event: string;
  readonly body?: DapBody;
}

export type DapMessage = DapRequest | DapResponse | DapEvent;

/** Where code is: by path, or by a reference whose text the adapter gives on request. */
export interface DapSource {
  readonly name?: string;
  readonly path?: string;
  /** Above 0: the text comes from the adapter, not from the path. */
  readonly sourceReference?: number;
  readonly origin?: string;
  readonly [key: string]: unknown;
}

/** True for an object that is no array. */
export function isBody(value: unknown): value is DapBody {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for what has the outline of a message; what is in it stays unchecked. */
export function isDapMessage(value: unknown): value is DapMessage {
  if (!isBody(value) || typeof value['seq'] !== 'number') return false;
  switch (value['type']) {
    case 'request':
      return typeof value['command'] === 'string';
    case 'response':
      return typeof value['request_seq'] === 'number' && typeof value['success'] === 'boolean';
    case 'event':
      return typeof value['event'] === 'string';
    default:
      return false;
  }
}
