/** What becomes of calls whose container did not get to take them: another start is tried, or they are told. */
import type { RunError } from '../protocol/values';
import type { Container } from './container';
import type { Containers } from './containers';
import { crashLoop } from './platformErrors';
import type { PoolOptions } from './pool';
import type { Queues } from './queues';
import { MAX_TRIES, type StartFailures } from './startFailures';
import type { Target } from './target';

export interface FailedStartsOptions {
  pool: PoolOptions;
  queues: Queues;
  containers: Containers;
  failures: StartFailures;
}

export class FailedStarts {
  constructor(private readonly options: FailedStartsOptions) {}

  /** A start or load that began at `beganAt` (monotonic ms) has failed. */
  container(container: Container, error: RunError, beganAt: number, retriable: boolean): void {
    const { queues, failures } = this.options;
    const { groupKey } = container;
    if (groupKey === undefined) return;
    const elsewhere = this.servedElsewhere(container.origin.poolKey, groupKey, container);
    if (!retriable && !elsewhere) {
      this.giveUp(groupKey, error);
      return;
    }
    const { count, over } = failures.crashed(groupKey, beganAt, elsewhere, error);
    if (over) {
      this.tell(groupKey, crashLoop(error, count));
      return;
    }
    const tries = elsewhere ? `${count} times` : `try ${count} of ${MAX_TRIES}`;
    const detail = `failed before it was ready (${tries}), trying again: ${error.message}`;
    for (const call of queues.waitingIn(groupKey)) call.sink.stage({ phase: 'container', detail });
  }

  /** The image of containers to come can't be had. */
  image({ poolKey, groupKey }: Target, error: RunError): void {
    const { queues, failures, pool } = this.options;
    // Without calls that wait nobody else would hear of it.
    if (queues.waitingIn(groupKey).length === 0) pool.listener.warn(error.message);
    if (!this.servedElsewhere(poolKey, groupKey)) this.giveUp(groupKey, error);
    else failures.crashed(groupKey, pool.clock.monotonic(), true, error);
  }

  private giveUp(groupKey: string, error: RunError): void {
    this.options.failures.giveUp(groupKey, error);
    this.tell(groupKey, error);
  }

  /** Ends the calls that wait for it. */
  private tell(groupKey: string, error: RunError): void {
    const { queues } = this.options;
    for (const call of queues.takeWaitingIn(groupKey)) queues.end(call, error);
  }

  /** True when another container takes such calls; one that waits itself does not. */
  private servedElsewhere(poolKey: string, groupKey: string, than?: Container): boolean {
    for (const other of this.options.containers.of(poolKey)) {
      const serves = other !== than && other.state === 'ready' && !other.blocked;
      if (serves && other.groupKey === groupKey) return true;
    }
    return false;
  }
}
