/** How far a run's batch is: a bar and its figures in one line. */
import { batchTexts, endedInputs } from '../runtime/protocol/batchTexts';
import type { BatchEvent } from '../runtime/protocol/events';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { h, setAttribute, setText, show } from './dom';

export interface BatchRow {
  readonly element: HTMLElement;
  update(record: RunRecord): void;
}

export function createBatchRow(): BatchRow {
  const part = (name: string): HTMLElement => h('span', { class: `batch-part ${name}` });
  const parts = { done: part('done'), failed: part('failed'), cancelled: part('cancelled') };
  const bar = h(
    'div',
    {
      class: 'batch-bar',
      role: 'progressbar',
      'aria-label': 'Inputs of the batch',
      'aria-valuemin': 0,
      'data-testid': 'batch-bar',
    },
    ...Object.values(parts),
  );
  const facts = h('span', { class: 'batch-facts', 'data-testid': 'batch' });
  const element = h('div', { class: 'batch-row', hidden: true }, bar, facts);
  return {
    element,
    update: ({ batch, status }) => {
      show(element, batch !== null);
      if (batch === null) return;
      const active = status === 'active';
      const text = batchTexts(batch, active).join(' · ');
      setText(facts, text);
      bar.dataset.state = batch.complete || !active ? 'known' : 'open';
      for (const [name, span] of Object.entries(parts)) {
        span.style.width = percent(batch[name as keyof typeof parts], batch.total);
      }
      showValue(bar, batch, active, text);
    },
  };
}

/** How many there are may not be known yet: then the bar has no value that a screen reader could take for one. */
function showValue(bar: HTMLElement, batch: BatchEvent, active: boolean, text: string): void {
  const known = batch.complete || !active;
  setAttribute(bar, 'aria-valuemax', known ? String(batch.total) : null);
  setAttribute(bar, 'aria-valuenow', known ? String(endedInputs(batch)) : null);
  setAttribute(bar, 'aria-valuetext', text);
}

function percent(count: number, total: number): string {
  return total === 0 ? '0' : `${((count / total) * 100).toFixed(2)}%`;
}
