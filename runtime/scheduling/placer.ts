/** Brings waiting calls to containers, one call or batch an app and round; says of the others why they wait. */
import type { Arrivals } from './arrivals';
import type { Call } from './call';
import type { Clock } from './clock';
import type { Container } from './container';
import type { Containers } from './containers';
import type { KeptWarm } from './keptWarm';
import type { Lane, Wait } from './lane';
import { inTurn, placesInLine, placeText } from './line';
import { decide, PATIENCE_MS, type Decision } from './placement';
import type { Preparations } from './preparations';
import type { Queues } from './queues';
import type { StartFailures } from './startFailures';

/** Those who wait are told at most this often that something has changed, in ms. */
const TELL_EVERY_MS = 100;

export interface PlacerOptions {
  clock: Clock;
  queues: Queues;
  containers: Containers;
  arrivals: Arrivals;
  preparations: Preparations;
  failures: StartFailures;
  warm: KeptWarm;
  dispatch: (container: Container, calls: readonly Call[]) => void;
}

export class Placer {
  private pumpQueued = false;
  private closed = false;
  private toldAt = -Infinity;
  private tellTimer: (() => void) | undefined;

  constructor(private readonly options: PlacerOptions) {}

  /** Places what can be placed, so that no app waits for another. */
  pump(): void {
    if (this.pumpQueued || this.closed) return;
    this.pumpQueued = true;
    queueMicrotask(() => {
      this.pumpQueued = false;
      while (!this.closed && this.round());
      if (this.closed) return;
      this.options.warm.review();
      this.tellSoon();
    });
  }

  close(): void {
    this.closed = true;
    this.tellTimer?.();
    this.tellTimer = undefined;
  }

  private round(): boolean {
    const { queues, containers } = this.options;
    let placed = false;
    containers.beginRound();
    for (const { app, lanes } of queues.turns()) {
      const served = lanes.find((lane) => this.place(lane));
      if (served === undefined) continue;
      placed = true;
      queues.served(app, served);
    }
    return placed;
  }

  /** True when something was placed or started for the lane. */
  private place(lane: Lane): boolean {
    const { containers, warm } = this.options;
    lane.wait = undefined;
    const mayBeTaken = (container: Container): boolean =>
      containers.mayBeTaken(container) && !warm.keeps(container);
    const decision = decide(lane, containers.of(lane.target.poolKey), mayBeTaken);
    if (decision.do !== 'wait') return this.act(lane, decision);
    lane.wait = { reason: decision.reason, line: [lane.key], alone: decision.starting };
    if (decision.patience) this.wakeLater(lane, PATIENCE_MS);
    return false;
  }

  private act(lane: Lane, decision: Exclude<Decision<Container>, { do: 'wait' }>): boolean {
    if (decision.do === 'dispatch') {
      const calls = lane.take(decision.count);
      lane.impatient = false;
      this.options.dispatch(decision.container, calls);
      return calls.length > 0;
    }
    const { containers, arrivals, preparations, failures, queues } = this.options;
    const backOffMs = failures.waitMs(lane.target.groupKey);
    if (backOffMs > 0) {
      lane.wait = { ...afterFailure, line: [lane.key] };
      this.wakeLater(lane, backOffMs);
      return false;
    }
    if (decision.do === 'load') {
      arrivals.reload(decision.container, lane.target);
      return true;
    }
    // What its image does is told as stages; it waits for nothing else meanwhile, and its turn stays.
    if (preparations.isGoing(lane.target)) return false;
    const room = containers.roomFor(lane.target);
    if (room.is === 'none') {
      for (const call of lane.take(1)) queues.end(call, room.error);
      return true;
    }
    // No card is held, and nothing ended, for what can't start yet.
    if (room.is !== 'taken' && !preparations.isReady(lane.target)) return false;
    if (room.is === 'free') {
      arrivals.start(lane.target);
      return true;
    }
    containers.claim(lane.target);
    if (room.is === 'idle') room.make();
    lane.wait = { reason: room.reason, line: room.line, alone: false };
    return false;
  }

  /** Looks at the lane again once, even if nothing else happens by then. */
  private wakeLater(lane: Lane, ms: number): void {
    lane.timer ??= this.options.clock.timer(ms, () => {
      lane.timer = undefined;
      lane.impatient = true;
      this.pump();
    });
  }

  private tellSoon(): void {
    if (this.tellTimer !== undefined) return;
    const leftMs = this.toldAt + TELL_EVERY_MS - this.options.clock.monotonic();
    if (leftMs <= 0) this.tell();
    else if (this.options.queues.waiting().next().done !== true) {
      this.tellTimer = this.options.clock.timer(leftMs, () => {
        this.tellTimer = undefined;
        this.tell();
      });
    }
  }

  /** Tells the runs whose calls wait why, and their place in line. */
  private tell(): void {
    const apps = [...this.options.queues.turns()].map(({ lanes }) =>
      inTurn(lanes.map((lane) => entriesOf(lane))),
    );
    const order = inTurn(apps);
    if (order.length === 0) return;
    this.toldAt = this.options.clock.monotonic();
    const places = placesInLine(order.map(({ wait }) => wait.line));
    for (const [index, { call, wait }] of order.entries()) {
      const place = places[index] ?? 1;
      const text = place === 1 && wait.alone ? '' : `; ${placeText(place)}`;
      call.sink.waiting(`${wait.reason}${text}`);
    }
  }
}

const afterFailure = { reason: 'waiting to start again after a failure', alone: true };

/** One for each run that waits in the lane. */
function entriesOf(lane: Lane): { call: Call; wait: Wait }[] {
  const { wait } = lane;
  return wait === undefined ? [] : lane.firstOfRuns().map((call) => ({ call, wait }));
}
