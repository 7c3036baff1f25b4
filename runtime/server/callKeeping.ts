/** Which calls that nobody waits for may begin, which are the same, and for how long their results are kept. */
import { sha256Hex } from '../protocol/bundles';
import { VelarError } from '../protocol/errors';
import type { RunEvent } from '../protocol/events';
import { newRunId } from '../protocol/runIds';
import {
  KEPT_CALLS,
  KEPT_RESULT_MS,
  MAX_IDEMPOTENCY_KEY_CHARACTERS,
} from '../deployments/callLimits';
import type { KeptCall, KeptCallStore } from '../store/keptCalls';
import { keptCharacters } from '../store/runs';

/** Environment, app, function. */
export type Scope = readonly [string, string, string];

export class CallKeeping {
  constructor(
    private readonly store: KeptCallStore,
    private readonly now: () => number,
    private readonly limits = KEPT_CALLS,
  ) {}

  /**
   * The call to start, or the one that the idempotency key names already. Throws `invalid` for a key that is none,
   * `conflict` for one that came with other arguments, and where no more calls are kept.
   */
  begin(
    scope: Scope,
    idempotencyKey: string | undefined,
    given: unknown,
  ): { run: string; isNew: boolean } {
    this.store.expire(this.now());
    const input = sha256Hex(JSON.stringify(given));
    const key = keyOf(scope, idempotencyKey);
    const known = key === null ? undefined : this.store.findByKey(key);
    if (known !== undefined) {
      if (known.input !== input) throw otherInput(idempotencyKey ?? '');
      return { run: known.run, isNew: false };
    }
    this.checkLimits();
    const run = newRunId();
    this.store.begin({ run, scope: nameOf(scope), key, input });
    return { run, isNew: true };
  }

  /** Its run has begun: from here on it is not lost. */
  began(): void {
    this.store.settle();
  }

  /** It has ended with these events. */
  end(run: string, events: readonly RunEvent[]): void {
    const bytes = events.reduce((sum, event) => sum + keptCharacters(event), 0);
    this.store.end(run, this.now() + KEPT_RESULT_MS, bytes);
  }

  /** Forgets a call; its run stays in the history. */
  drop(run: string): void {
    this.store.remove(run);
  }

  /** Undefined for a call that was not of this scope, has expired, or was waited for. */
  find(scope: Scope, run: string): KeptCall | undefined {
    this.store.expire(this.now());
    const call = this.store.find(run);
    return call?.scope === nameOf(scope) ? call : undefined;
  }

  private checkLimits(): void {
    const { count, bytes, nextExpiry } = this.store;
    const { maxCalls, maxBytes } = this.limits;
    if (count < maxCalls && bytes < maxBytes) return;
    const what = count < maxCalls ? `results of ${maxBytes} bytes` : `${maxCalls} calls`;
    const now = this.now();
    throw new VelarError('conflict', `The runtime keeps ${what} for clients already.`, {
      hint: 'Read results and remove them with DELETE, or wait until they expire.',
      details: { status: 429, retryAfterS: Math.ceil(((nextExpiry ?? now + 1000) - now) / 1000) },
    });
  }
}

function nameOf(scope: Scope): string {
  return JSON.stringify(scope);
}

function keyOf(scope: Scope, given: string | undefined): string | null {
  if (given === undefined) return null;
  if (given !== '' && given.length <= MAX_IDEMPOTENCY_KEY_CHARACTERS) {
    return sha256Hex(JSON.stringify([...scope, given]));
  }
  throw new VelarError(
    'invalid',
    `An Idempotency-Key has 1 to ${MAX_IDEMPOTENCY_KEY_CHARACTERS} characters, not ${given.length}.`,
  );
}

function otherInput(key: string): VelarError {
  return new VelarError(
    'conflict',
    `The Idempotency-Key ${JSON.stringify(key)} came with other arguments before.`,
    { hint: 'Use another key for another call.' },
  );
}
