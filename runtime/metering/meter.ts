/** Adds up what containers are used for, and writes it down soon. */
import type { UsageKind, UsageRow } from '../protocol/metering';
import type { UsageStore } from '../store/usage';
import { usdOf } from './cost';
import { partsByDay } from '../protocol/days';
import type { PriceTable } from './prices';

/** Additions wait this long for others of the same row, in ms. */
const WRITE_WITHIN_MS = 1000;

/** What is paid for. The rest is stated and costs nothing. */
const BILLED: ReadonlySet<UsageKind> = new Set(['imports', 'model-load', 'running']);

export interface MeterOptions {
  usage: Pick<UsageStore, 'add'>;
  prices: PriceTable;
  clock: { now(): number; timer(ms: number, callback: () => void): () => void };
}

export type ContainerUse = Pick<UsageRow, 'app' | 'function' | 'gpu' | 'cards' | 'kind'>;

export class Meter {
  private readonly pending = new Map<string, UsageRow>();
  private timer: (() => void) | undefined;

  constructor(private readonly options: MeterOptions) {}

  /** Adds time that ended so many ms ago. Each day gets its part. */
  add(use: ContainerUse, ms: number, agoMs = 0): void {
    for (const part of partsByDay(ms, this.options.clock.now() - agoMs)) {
      this.addPart(use, part.day, part.ms);
    }
  }

  private addPart(use: ContainerUse, day: string, ms: number): void {
    const { clock, prices } = this.options;
    const { gpu, cards: count } = use;
    const usd = BILLED.has(use.kind) ? (usdOf({ busyMs: ms, gpu, count }, prices) ?? 0) : 0;
    const key = JSON.stringify([day, use.app, use.function, gpu, count, use.kind]);
    const row = this.pending.get(key);
    if (row === undefined) this.pending.set(key, { ...use, day, ms, usd });
    else {
      row.ms += ms;
      row.usd += usd;
    }
    this.timer ??= clock.timer(WRITE_WITHIN_MS, () => this.flush());
  }

  /** Hands everything to the store. */
  flush(): void {
    this.timer?.();
    this.timer = undefined;
    for (const row of this.pending.values()) this.options.usage.add(row);
    this.pending.clear();
  }
}
