/**
 * A scrolling list of very many rows. Rows live in blocks; only blocks near the visible part have elements,
 * the others keep their measured or estimated height. Rows may have any height, so lines can wrap.
 */
import { h } from '../dom';

const ROWS_PER_BLOCK = 100;
/** Blocks this far outside the visible part are drawn already, so that scrolling shows no gaps. */
const MARGIN = '600px 0px';
/** Closer to the end than this counts as at the end, in px. */
const END_PX = 24;

interface Block<T> {
  element: HTMLElement;
  items: T[];
  drawn: boolean;
}

export interface BlockListOptions<T> {
  scroller: HTMLElement;
  draw: (item: T) => HTMLElement;
  /** Height of a row before it was ever drawn, in px. */
  rowPx: number;
  /** The person left the end, or came back to it. */
  onFollow: (following: boolean) => void;
}

export class BlockList<T> {
  private blocks: Block<T>[] = [];
  private readonly byElement = new WeakMap<Element, Block<T>>();
  private readonly observer: IntersectionObserver;
  private readonly content = h('div', { class: 'blocks' });
  private followingEnd = true;
  private lastTop = 0;

  constructor(private readonly options: BlockListOptions<T>) {
    const { scroller } = options;
    scroller.append(this.content);
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const block = this.byElement.get(entry.target);
          if (block !== undefined) this.setDrawn(block, entry.isIntersecting);
        }
        this.keepEnd();
      },
      { root: scroller, rootMargin: MARGIN },
    );
    scroller.addEventListener('scroll', () => {
      this.scrolled();
    });
    new ResizeObserver(() => {
      this.keepEnd();
    }).observe(scroller);
  }

  get following(): boolean {
    return this.followingEnd;
  }

  /** Goes to the end and stays there while rows come. */
  follow(): void {
    this.setFollowing(true);
    this.keepEnd();
  }

  /** Shows other items instead of all that were there. */
  reset(items: readonly T[]): void {
    for (const block of this.blocks) this.observer.unobserve(block.element);
    this.blocks = [];
    this.content.replaceChildren();
    this.append(items);
  }

  append(items: readonly T[]): void {
    for (let from = 0; from < items.length;) {
      const last = this.blocks.at(-1);
      const block =
        last !== undefined && last.items.length < ROWS_PER_BLOCK ? last : this.addBlock();
      const part = items.slice(from, from + ROWS_PER_BLOCK - block.items.length);
      from += part.length;
      block.items.push(...part);
      if (block.drawn) block.element.append(...part.map((item) => this.options.draw(item)));
      else this.estimate(block);
    }
    this.keepEnd();
  }

  /** Draws items anew whose content changed. They are looked for from the end. */
  redraw(items: ReadonlySet<T>): void {
    let left = items.size;
    for (let at = this.blocks.length - 1; at >= 0 && left > 0; at -= 1) {
      const block = this.blocks[at];
      block?.items.forEach((item, index) => {
        if (!items.has(item)) return;
        left -= 1;
        if (block.drawn) block.element.children[index]?.replaceWith(this.options.draw(item));
      });
    }
    this.keepEnd();
  }

  /** Takes items away, all of which stand at the front. */
  removeFirst(items: ReadonlySet<T>): void {
    for (;;) {
      const block = this.blocks[0];
      if (block === undefined) return;
      const kept = block.items.findIndex((item) => !items.has(item));
      if (kept === 0) return;
      if (kept === -1) {
        this.observer.unobserve(block.element);
        block.element.remove();
        this.blocks.shift();
        continue;
      }
      block.items.splice(0, kept);
      if (block.drawn)
        for (let count = 0; count < kept; count += 1) block.element.firstChild?.remove();
      else this.estimate(block);
      return;
    }
  }

  private addBlock(): Block<T> {
    const block: Block<T> = { element: h('div', { class: 'block' }), items: [], drawn: false };
    this.blocks.push(block);
    this.byElement.set(block.element, block);
    this.content.append(block.element);
    this.observer.observe(block.element);
    return block;
  }

  private setDrawn(block: Block<T>, drawn: boolean): void {
    if (block.drawn === drawn) return;
    if (drawn) {
      block.element.style.removeProperty('height');
      block.element.replaceChildren(...block.items.map((item) => this.options.draw(item)));
    } else {
      block.element.style.height = `${block.element.offsetHeight}px`;
      block.element.replaceChildren();
    }
    block.drawn = drawn;
  }

  private estimate(block: Block<T>): void {
    block.element.style.height = `${block.items.length * this.options.rowPx}px`;
  }

  private scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.options.scroller;
    const fromEnd = scrollHeight - scrollTop - clientHeight;
    if (fromEnd <= END_PX) this.setFollowing(true);
    // Only upward scrolling is the person's will; growing content moves the end away by itself.
    else if (scrollTop < this.lastTop - 1) this.setFollowing(false);
    this.lastTop = scrollTop;
  }

  private setFollowing(following: boolean): void {
    if (this.followingEnd === following) return;
    this.followingEnd = following;
    this.options.onFollow(following);
  }

  /** While following: draws what the end shows, at once, and scrolls there. */
  private keepEnd(): void {
    if (!this.followingEnd) return;
    const { scroller } = this.options;
    for (const block of this.blocks.slice(-2)) this.setDrawn(block, true);
    scroller.scrollTop = scroller.scrollHeight;
    this.lastTop = scroller.scrollTop;
  }
}
