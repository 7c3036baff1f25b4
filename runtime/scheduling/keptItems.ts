/** Which items of a generator a run keeps in memory for those who watch later: the first ones and the newest. */
import type { RunEvent } from '../protocol/events';

/** As many stay in the store when the run is over. */
const FIRST = { items: 100, bytes: 8 * 1024 ** 2 };
const NEWEST = { items: 1000, bytes: 8 * 1024 ** 2 };

interface Kept {
  event: RunEvent;
  bytes: number;
}

export class KeptItems {
  private readonly first = { items: 0, bytes: 0, full: false };
  private newest: Kept[] = [];
  private newestBytes = 0;
  private gone = 0;

  /** Items that were forgotten. */
  get forgotten(): number {
    return this.gone;
  }

  /** Takes one in; returns those to forget, now and then many at once. */
  add(event: RunEvent, bytes: number): ReadonlySet<RunEvent> | undefined {
    const { first } = this;
    first.full ||= first.items === FIRST.items || first.bytes + bytes > FIRST.bytes;
    if (!first.full) {
      first.items += 1;
      first.bytes += bytes;
      return undefined;
    }
    this.newest.push({ event, bytes });
    this.newestBytes += bytes;
    const many = this.newest.length >= NEWEST.items * 2 || this.newestBytes >= NEWEST.bytes * 2;
    return many ? this.forget() : undefined;
  }

  private forget(): ReadonlySet<RunEvent> {
    let items = 0;
    let bytes = 0;
    const start = this.newest.findLastIndex((kept) => {
      items += 1;
      bytes += kept.bytes;
      return items > NEWEST.items || bytes > NEWEST.bytes;
    });
    const gone = this.newest.splice(0, start + 1);
    this.newestBytes -= gone.reduce((sum, each) => sum + each.bytes, 0);
    this.gone += gone.length;
    return new Set(gone.map(({ event }) => event));
  }
}
