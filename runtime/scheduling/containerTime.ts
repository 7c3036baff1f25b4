/** What containers do while they work for no call: coming up, kept ready, idle. Metered, and not billed. */
import type { UsageKind } from '../protocol/metering';
import type { Meter } from '../metering/meter';
import type { Clock } from './clock';
import type { Container } from './container';

/** What goes on is metered at least so often: no more than that is lost in a crash. */
const SETTLE_MS = 3_600_000;

type Unbilled = Extract<UsageKind, 'starting' | 'idle'>;

export class ContainerTime {
  private readonly since = new Map<Container, { kind: Unbilled; at: number }>();
  /** Stands while there is anything to settle. */
  private timer: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly meter: Meter,
    private readonly containers: () => Iterable<Container>,
  ) {}

  /** Something about containers changed. */
  changed(): void {
    const now = this.clock.monotonic();
    const all = new Set(this.containers());
    for (const container of all) this.note(container, unbilled(container), now);
    for (const container of this.since.keys()) {
      if (!all.has(container)) this.note(container, undefined, now);
    }
    this.settleLater();
  }

  dispose(): void {
    this.flush();
    this.timer?.();
    this.timer = undefined;
  }

  private settleLater(): void {
    if (this.since.size === 0) {
      this.timer?.();
      this.timer = undefined;
    }
    if (this.since.size === 0 || this.timer !== undefined) return;
    this.timer = this.clock.timer(SETTLE_MS, () => {
      this.timer = undefined;
      this.flush();
      this.settleLater();
    });
  }

  /** Meters what goes on until now. */
  flush(): void {
    const now = this.clock.monotonic();
    for (const [container, { kind }] of [...this.since]) {
      this.note(container, undefined, now);
      this.since.set(container, { kind, at: now });
    }
  }

  private note(container: Container, kind: Unbilled | undefined, now: number): void {
    const before = this.since.get(container);
    if (before?.kind === kind) return;
    if (before !== undefined) {
      this.meter.add({ ...whose(container), function: '', kind: before.kind }, now - before.at);
    }
    if (kind === undefined) this.since.delete(container);
    else this.since.set(container, { kind, at: now });
  }
}

/** App and cards of a container, as they are metered. */
export function whose({ origin, gpu, gpus }: Container): {
  app: string;
  gpu: string | null;
  cards: number;
} {
  const model = gpu === null ? null : (gpus[0]?.model ?? gpu.name);
  return { app: origin.app, gpu: model, cards: gpus.length };
}

function unbilled(container: Container): Unbilled | undefined {
  if (container.state === 'starting') return 'starting';
  return container.idle ? 'idle' : undefined;
}
