/** A border between two columns that can be dragged, or moved with the arrow keys. */
import { h, setAttribute } from './dom';

export interface SplitterOptions {
  label: string;
  /** The column whose width it sets, at its left (`before`) or right (`after`). */
  column: HTMLElement;
  side: 'before' | 'after';
  minPx: number;
  onResize: (px: number) => void;
  /** Lets the layout choose again. */
  onReset: () => void;
}

const STEP_PX = 24;

export function createSplitter(options: SplitterOptions): HTMLElement {
  const element = h('div', {
    class: `splitter ${options.side}`,
    role: 'separator',
    tabindex: 0,
    'aria-orientation': 'vertical',
    'aria-label': options.label,
    'aria-valuemin': options.minPx,
    title: 'Drag to resize, double-click to reset',
  });
  const direction = options.side === 'before' ? 1 : -1;
  const resize = (px: number): void => {
    const width = Math.round(Math.max(options.minPx, px));
    setAttribute(element, 'aria-valuenow', String(width));
    options.onResize(width);
  };
  element.addEventListener('pointerdown', (down) => {
    down.preventDefault();
    const start = options.column.getBoundingClientRect().width;
    element.setPointerCapture(down.pointerId);
    const moves = new AbortController();
    element.addEventListener(
      'pointermove',
      (move) => {
        resize(start + (move.clientX - down.clientX) * direction);
      },
      moves,
    );
    const stop = (): void => {
      moves.abort();
    };
    element.addEventListener('pointerup', stop, moves);
    element.addEventListener('pointercancel', stop, moves);
  });
  element.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowRight' ? STEP_PX : event.key === 'ArrowLeft' ? -STEP_PX : 0;
    if (step === 0) return;
    event.preventDefault();
    resize(options.column.getBoundingClientRect().width + step * direction);
  });
  element.addEventListener('dblclick', options.onReset);
  return element;
}
