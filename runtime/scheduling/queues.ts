/** The calls that wait: lanes by app, served in turn; and those that wait for another attempt. */
import type { RunError } from '../protocol/values';
import type { Call } from './call';
import type { Clock } from './clock';
import type { Container } from './container';
import { Lane } from './lane';
import { retryAfterMs } from './retries';

/** Lanes without calls that are remembered for their durations. */
const MAX_IDLE_LANES = 500;

export class Queues {
  private readonly lanes = new Map<string, Lane>();
  /** Lanes that may have waiting calls, by app; the app served last stands last. */
  private readonly apps = new Map<string, Map<string, Lane>>();
  private readonly backingOff = new Map<Call, () => void>();
  private order = 0;
  private closed = false;

  constructor(
    private readonly clock: Clock,
    /** A call waits again after its back-off. */
    private readonly returned: (call: Call) => void,
  ) {}

  lane(key: string | null): Lane | undefined {
    return key === null ? undefined : this.lanes.get(key);
  }

  add(call: Call): void {
    this.laneOf(call).push(call);
  }

  /** Calls that were sent and not begun go back to the front; those being cancelled end. */
  giveBack(calls: readonly Call[]): void {
    const byLane = new Map<Lane, Call[]>();
    for (const call of calls) {
      if (call.ending !== undefined) this.end(call, call.ending);
      if (call.state === 'ended') continue;
      const lane = this.laneOf(call);
      byLane.set(lane, [...(byLane.get(lane) ?? []), call]);
    }
    for (const [lane, back] of byLane) lane.unshift(back);
  }

  /** Apps in the order in which they are to be served, each with its lanes, oldest calls first. */
  *turns(): Generator<{ app: string; lanes: Lane[] }> {
    for (const [app, lanes] of [...this.apps]) {
      for (const [key, lane] of lanes) if (lane.waiting === 0) lanes.delete(key);
      if (lanes.size === 0) this.apps.delete(app);
      else if (lanes.size === 1) yield { app, lanes: [...lanes.values()] };
      else yield { app, lanes: [...lanes.values()].sort((a, b) => a.since - b.since) };
    }
  }

  /** Lanes with waiting calls. */
  *waiting(): Generator<Lane> {
    for (const lanes of this.apps.values()) {
      for (const lane of lanes.values()) if (lane.waiting > 0) yield lane;
    }
  }

  /** Puts an app that was served behind the others, and the lane behind the app's other lanes. */
  served(app: string, lane: Lane): void {
    lane.since = ++this.order;
    const lanes = this.apps.get(app);
    if (lanes === undefined || this.apps.size === 1) return;
    this.apps.delete(app);
    this.apps.set(app, lanes);
  }

  /** Calls that a container which starts or loads is meant for. */
  waitingFor({ groupKey }: Container): Call[] {
    return groupKey === undefined ? [] : this.waitingIn(groupKey);
  }

  takeWaitingFor({ groupKey }: Container): Call[] {
    return groupKey === undefined ? [] : this.takeWaitingIn(groupKey);
  }

  /** Calls for any container of a group. */
  waitingIn(groupKey: string): Call[] {
    const calls: Call[] = [];
    for (const lane of this.lanesOf(groupKey)) calls.push(...lane.calls);
    return calls;
  }

  takeWaitingIn(groupKey: string): Call[] {
    const calls: Call[] = [];
    for (const lane of this.lanesOf(groupKey)) calls.push(...lane.drain());
    return calls;
  }

  /** Takes a call out; false when it is not here. */
  remove(call: Call): boolean {
    if (call.state === 'waiting') {
      this.lanes.get(call.target.laneKey)?.remove(call);
      return true;
    }
    const cancel = this.backingOff.get(call);
    cancel?.();
    this.backingOff.delete(call);
    return cancel !== undefined;
  }

  /** Retries a failed attempt after a back-off, or ends the call. */
  settle(call: Call, error: RunError): void {
    if (error.kind === 'infrastructure') call.lost += 1;
    const after =
      call.ending === undefined && !this.closed
        ? retryAfterMs(error, {
            made: call.attempt,
            lost: call.lost,
            allowed: call.target.function.options.retries,
            batch: call.batch,
            shared: call.target.concurrency > 1,
          })
        : undefined;
    if (after === undefined) {
      this.end(call, error);
      return;
    }
    call.state = 'backing-off';
    call.sink.retrying(call.attempt + 1, error);
    const cancel = this.clock.timer(after, () => {
      this.backingOff.delete(call);
      this.add(call);
      this.returned(call);
    });
    this.backingOff.set(call, cancel);
  }

  end(call: Call, error: RunError): void {
    if (call.state === 'ended') return;
    call.state = 'ended';
    call.sink.failed(error);
  }

  /** Ends every call that waits, and every one that fails from now on. */
  close(error: RunError): void {
    this.closed = true;
    const calls = [...this.backingOff.keys()];
    for (const cancel of this.backingOff.values()) cancel();
    this.backingOff.clear();
    for (const lane of this.lanes.values()) {
      lane.timer?.();
      lane.timer = undefined;
      calls.push(...lane.drain());
    }
    for (const call of calls) this.end(call, error);
  }

  private laneOf(call: Call): Lane {
    const { target } = call;
    let lane = this.lanes.get(target.laneKey);
    if (lane === undefined) {
      this.forgetOldLanes();
      lane = new Lane(target, ++this.order);
      this.lanes.set(target.laneKey, lane);
    }
    const lanes = this.apps.get(target.app) ?? new Map<string, Lane>();
    if (!lanes.has(lane.key)) {
      lane.since = ++this.order;
      lanes.set(lane.key, lane);
      this.apps.set(target.app, lanes);
    }
    return lane;
  }

  private *lanesOf(groupKey: string): Generator<Lane> {
    for (const lanes of this.apps.values()) {
      for (const lane of lanes.values()) {
        if (lane.target.groupKey === groupKey) yield lane;
      }
    }
  }

  private forgetOldLanes(): void {
    if (this.lanes.size < MAX_IDLE_LANES) return;
    for (const [key, lane] of this.lanes) {
      if (lane.waiting > 0) continue;
      lane.timer?.();
      this.lanes.delete(key);
      if (this.lanes.size < MAX_IDLE_LANES) return;
    }
  }
}
