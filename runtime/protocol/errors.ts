import * as z from 'zod';

/** Why a request, a connection or a local step failed. Code acts on these, never on message text. */
export const errorCodes = [
  'invalid', // the request or an input does not fit its schema or rules
  'unauthorised', // no token, a wrong one, or one that was revoked
  'unreachable', // nothing answers at the runtime's address
  'version', // the peer speaks another protocol version
  'protocol', // the peer broke the protocol (bad frame, sequence gap)
  'session-lost', // the session can't be resumed; runs can be attached again
  'not-found', // no such run, container, bundle, device
  'conflict', // the name or id is taken, or the state forbids it
  'bundle-base-unknown', // a bundle delta names a base that the runtime lacks
  'bundle-incomplete', // blobs of the bundle are missing
  'bundle-changed', // a file changed while it was read
  'too-large', // over a stated size limit
  'disk-full', // no space left where the state lives
  'untrusted', // the workspace is not trusted
  'python-missing', // no usable Python interpreter
  'cancelled', // the person or the caller cancelled
  'unsupported', // this runtime or engine can't do that
  'internal', // a fault of ours
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** How an error crosses the wire. `hint` is the next step for the person. */
export const wireErrorSchema = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type WireError = z.infer<typeof wireErrorSchema>;

export interface VelarErrorOptions {
  /** What the person can do next, a full sentence. */
  hint?: string | undefined;
  /** Facts for code that handles the error, JSON values only. */
  details?: Record<string, unknown> | undefined;
  cause?: unknown;
}

/** The one error type. `message` says what happened and why, `hint` what to do next. */
export class VelarError extends Error {
  override readonly name = 'VelarError';
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: VelarErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.details = options.details;
  }

  toWire(): WireError {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }

  static fromWire(error: WireError): VelarError {
    return new VelarError(error.code, error.message, {
      hint: error.hint,
      details: error.details,
    });
  }

  /** Wraps anything thrown; a VelarError passes through as it is. */
  static from(error: unknown, code: ErrorCode = 'internal'): VelarError {
    if (error instanceof VelarError) return error;
    if (isNodeError(error) && error.code === 'ENOSPC') {
      return new VelarError('disk-full', 'The disk is full: nothing more can be written.', {
        hint: 'Free some space, then try again.',
        cause: error,
      });
    }
    if (isNodeError(error) && error.name === 'AbortError') {
      return new VelarError('cancelled', 'Cancelled.', { cause: error });
    }
    return new VelarError(code, error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

/** True for errors of Node's own system calls, which carry a `code` such as ENOENT. */
export function isNodeError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string';
}
