/** Whose containers make room for whom: those of production for production alone. Pure. */
import type { Container } from './container';
import type { Target } from './target';

/** For whom room is wanted. */
export type Asking = Pick<Target, 'environment'>;

export type Holder = Pick<Container, 'idle' | 'blocked'> & {
  readonly origin: Pick<Target, 'app' | 'environment'>;
};

/** What is known of a container by those who made it. */
export interface HolderState {
  /** Nobody's calls are worked on in it, or about to be. */
  free: boolean;
  /** Its function wishes to keep it. */
  kept: boolean;
  /** In monotonic ms; Infinity for one that is not up yet. */
  idleSince: number;
}

/** True where a container is production's, and who asks is not. */
export function isKeptFrom({ environment }: Asking, { origin }: Holder): boolean {
  return origin.environment === 'production' && environment !== 'production';
}

/** One whose place may go to who asks: first what nobody wishes to keep, then what is idle longest. */
export function dispensable<C extends Holder>(
  asking: Asking,
  holders: readonly C[],
  stateOf: (holder: C) => HolderState,
): C | undefined {
  return holders
    .filter((holder) => !isKeptFrom(asking, holder))
    .map((holder) => ({ holder, state: stateOf(holder) }))
    .filter(({ state }) => state.free)
    .sort(
      ({ state: a }, { state: b }) => Number(a.kept) - Number(b.kept) || a.idleSince - b.idleSince,
    )[0]?.holder;
}

/**
 * Containers that use a place which who asks could have. What only waits for others uses none, and what stands
 * ready for production takes none from the rest: nobody but production could have it.
 */
export function usingPlaces<C extends Holder>(asking: Asking, holders: Iterable<C>): C[] {
  return [...holders].filter(
    (holder) => !holder.blocked && !(holder.idle && isKeptFrom(asking, holder)),
  );
}

/** `in use by a, b; kept warm for production of c`. */
export function heldBy(asking: Asking, holders: readonly Holder[]): string {
  const kept = holders.filter((holder) => holder.idle && isKeptFrom(asking, holder));
  const used = holders.filter((holder) => !kept.includes(holder));
  const texts = [
    ...(used.length === 0 ? [] : [`in use by ${names(used)}`]),
    ...(kept.length === 0 ? [] : [`kept warm for production of ${names(kept)}`]),
  ];
  return texts.length === 0 ? 'others are before it' : texts.join('; ');
}

function names(holders: readonly Holder[]): string {
  return [...new Set(holders.map(({ origin }) => origin.app))].join(', ');
}
