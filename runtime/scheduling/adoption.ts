/** Containers that an earlier process of this runtime left: kept for those who can use them, else ended. */
import { VelarError } from '../protocol/errors';
import type { LeftContainer } from '../engines/engine';
import type { Clock } from './clock';
import { ownerOfPool, type Target } from './target';
import type { WorkerConnection, WorkerLink } from './workerLink';

/** Workers dial in as soon as the socket is there again; who waits for one waits no longer than that. */
const DIALS_WITHIN_MS = 5_000;
/** A container that nobody could use by then is ended. */
const KEPT_FOR_MS = 60_000;

/** A container whose worker has dialled in again. */
export interface AdoptableContainer extends LeftContainer {
  readonly connection: WorkerConnection;
}

export interface AdoptionOptions {
  left: readonly LeftContainer[];
  link: WorkerLink;
  clock: Clock;
  /** One of them can be taken, or has ended and what it held is free. */
  changed: () => void;
  info: (message: string) => void;
  warn: (message: string) => void;
}

export class Adoption {
  private readonly found = new Map<LeftContainer, AdoptableContainer>();
  private readonly waiting = new Map<LeftContainer, () => void>();
  private readonly ending = new Map<LeftContainer, Promise<void>>();

  constructor(private readonly options: AdoptionOptions) {
    for (const left of options.left) this.expect(left);
  }

  /** Hands a container over to somebody with its pool key; undefined where there is none. */
  take(pool: string): AdoptableContainer | undefined {
    for (const [left, adoptable] of this.found) {
      if (left.pool !== pool) continue;
      this.forget(left);
      this.options.info(`Adopted container ${left.placed.container} of an earlier runtime.`);
      return adoptable;
    }
    return undefined;
  }

  /** Whether `take` would have one now, or soon. */
  has(pool: string): 'now' | 'soon' | undefined {
    const fits = (left: LeftContainer): boolean => left.pool === pool;
    if ([...this.found.keys()].some(fits)) return 'now';
    return this.all().some(fits) ? 'soon' : undefined;
  }

  /** Those that hold one of these cards and that who asks may end: those of production are left to production. */
  holding(
    gpus: ReadonlySet<string>,
    { environment }: Pick<Target, 'environment'>,
  ): LeftContainer[] {
    const ofProduction = ({ pool }: LeftContainer): boolean =>
      ownerOfPool(pool).endsWith('@production');
    return this.all().filter(
      (left) =>
        left.gpus.some((gpu) => gpus.has(gpu)) &&
        (environment === 'production' || !ofProduction(left)),
    );
  }

  /** Ends them, because somebody else can use what they hold. */
  giveUp(holders: readonly LeftContainer[]): void {
    for (const left of holders) this.end(left);
  }

  /** Cards that are not free, though no container of the pool holds them. */
  get heldGpus(): ReadonlySet<string> {
    return new Set([...this.all(), ...this.ending.keys()].flatMap((left) => left.gpus));
  }

  /** Ends all that nobody took. Resolves when none is left. */
  async dispose(): Promise<void> {
    for (const left of this.all()) this.end(left);
    await Promise.all(this.ending.values());
  }

  private all(): LeftContainer[] {
    return [...new Set([...this.found.keys(), ...this.waiting.keys()])];
  }

  private expect(left: LeftContainer): void {
    const { link, clock } = this.options;
    const { container } = left.placed;
    const expected = link.expectAgain(container, Buffer.from(left.tokenDigest, 'hex'));
    const cancel = clock.timer(DIALS_WITHIN_MS, () => this.end(left));
    this.waiting.set(left, () => {
      cancel();
      expected.giveUp();
    });
    expected.connected.then(
      (connection) => this.dialled(left, connection),
      (error: unknown) => {
        if (VelarError.from(error).code !== 'cancelled') this.options.warn(String(error));
      },
    );
  }

  private dialled(left: LeftContainer, connection: WorkerConnection): void {
    this.waiting.get(left)?.();
    const cancel = this.options.clock.timer(KEPT_FOR_MS, () => this.end(left));
    this.waiting.set(left, cancel);
    this.found.set(left, { ...left, connection });
    // It may end by itself before anybody wants it.
    void left.placed.exited.then(() => this.forget(left));
    this.options.changed();
  }

  private forget(left: LeftContainer): void {
    this.waiting.get(left)?.();
    this.waiting.delete(left);
    this.found.delete(left);
  }

  private end(left: LeftContainer): void {
    const { info, warn, changed } = this.options;
    const { placed } = left;
    this.forget(left);
    info(`Ended container ${placed.container} of an earlier runtime, which nobody used.`);
    const ending = placed
      .stop(0)
      .then(() => undefined)
      .catch((error: unknown) => warn(String(error)))
      .finally(() => {
        this.ending.delete(left);
        changed();
      });
    this.ending.set(left, ending);
  }
}
