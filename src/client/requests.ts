/** Requests of one session that wait for their answers. */
import { VelarError } from '../../runtime/protocol/errors';
import {
  methods,
  type MethodName,
  type MethodParams,
  type MethodResult,
} from '../../runtime/protocol/methods';

interface Pending {
  method: MethodName;
  answer(result: unknown): void;
  fail(error: Error): void;
}

/** How long an answer may take. Transfers and waits take as long as they take; streams show that transfers move. */
const ANSWER_MS = 60_000;
const UNTIMED: ReadonlySet<MethodName> = new Set([
  'bundle.offer',
  'bundle.upload',
  'app.describe',
  'debug.awaitCall',
]);

export class RequestTable {
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;

  /** `send` puts the request on the wire, or keeps it for when the wire is back. */
  constructor(private readonly send: (message: object) => void) {}

  get size(): number {
    return this.pending.size;
  }

  request<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    signal?: AbortSignal,
  ): Promise<MethodResult<M>> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(new VelarError('cancelled', 'Cancelled.'));
        return;
      }
      const id = this.nextId++;
      const late = UNTIMED.has(method)
        ? undefined
        : setTimeout(() => {
            settle();
            reject(lateAnswer(method));
          }, ANSWER_MS);
      const abort = (): void => {
        settle();
        reject(new VelarError('cancelled', 'Cancelled.'));
      };
      const settle = (): void => {
        clearTimeout(late);
        signal?.removeEventListener('abort', abort);
        this.pending.delete(id);
      };
      this.pending.set(id, {
        method,
        answer: (result) => {
          settle();
          const checked = methods[method].result.safeParse(result);
          if (checked.success) resolve(checked.data as MethodResult<M>);
          else reject(strangeAnswer(method, checked.error));
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener('abort', abort, { once: true });
      try {
        this.send({ type: 'request', id, method, params });
      } catch (error) {
        settle();
        reject(VelarError.from(error));
      }
    });
  }

  answered(id: number, result: unknown): void {
    this.pending.get(id)?.answer(result);
  }

  failed(id: number, error: Error): void {
    this.pending.get(id)?.fail(error);
  }

  /** Fails all of them: their session is gone. */
  lost(error: Error): void {
    for (const pending of [...this.pending.values()]) pending.fail(error);
  }
}

function lateAnswer(method: MethodName): VelarError {
  return new VelarError('unreachable', `The runtime has not answered ${method} for 60 s.`, {
    hint: 'It may be overloaded or cut off; try again, or restart it.',
  });
}

function strangeAnswer(method: MethodName, cause: unknown): VelarError {
  return new VelarError(
    'protocol',
    `The runtime's answer to ${method} is not what the protocol says.`,
    { hint: 'Bring runtime and client to the same version.', cause },
  );
}
