/** A comparison of staging with production: how far it is, the figures, what differs. */
import type { TryComparison } from '../../runtime/protocol/tryState';
import { h, setText, show } from '../dom';
import type { Host } from '../host';
import { compareTable } from './compareTable';
import {
  differsText,
  inputTexts,
  progressText,
  verdict,
} from '../../runtime/protocol/compareTexts';
import { differenceView } from './difference';
import { createTolerance } from './tolerance';

export interface ComparisonView {
  readonly element: HTMLElement;
  /** `reason`: why the two environments can't be compared, where they can't. */
  update(comparison: TryComparison | null, reason: string | null): void;
}

export function createComparison(host: Host): ComparisonView {
  const progress = h('p', { class: 'muted' });
  const tolerance = createTolerance(host);
  const head = h('div', { class: 'compare-head' }, progress, tolerance.element);
  const figures = h('div', { class: 'compare-figures', tabindex: 0, 'aria-label': 'Figures' });
  const diff = h('section', {
    class: 'compare-diff',
    'aria-label': 'Differences of the results',
    'data-testid': 'compare-diff',
    tabindex: 0,
  });
  const element = h(
    'section',
    { class: 'comparison', 'aria-label': 'Comparison of staging with production' },
    head,
    h('div', { class: 'compare-parts' }, figures, diff),
  );
  let shown = '';
  return {
    element,
    update: (comparison, reason) => {
      const key = JSON.stringify([comparison, reason]);
      if (key === shown) return;
      shown = key;
      setText(progress, comparison === null ? '' : progressText(comparison));
      show(head, comparison !== null);
      if (comparison === null) {
        const text = reason ?? 'Compare calls both environments with the same inputs, in turn.';
        figures.replaceChildren(h('p', { class: 'placeholder' }, text));
        diff.replaceChildren();
        return;
      }
      const { problem } = comparison;
      tolerance.update(comparison.tolerance);
      figures.replaceChildren(
        ...(problem === null
          ? []
          : [h('p', { class: 'try-problem' }, [problem.message, problem.hint ?? ''].join(' '))]),
        compareTable(comparison),
        ...comparison.notes.map((note) => h('p', { class: 'compare-note' }, note)),
      );
      const drawn = differenceView(comparison.difference);
      diff.dataset.state = comparison.differing > 0 ? 'differ' : 'equal';
      const of = differsText(comparison);
      diff.replaceChildren(
        h('h2', {}, verdict(comparison)),
        ...inputsView(comparison),
        ...(of === null ? [] : [h('p', { class: 'muted' }, of)]),
        ...(drawn === null ? [] : [drawn]),
      );
    },
  };
}

/** Each input with what it showed, where there are several. */
function inputsView(comparison: TryComparison): HTMLElement[] {
  const texts = inputTexts(comparison);
  if (texts.length === 0) return [];
  const items = texts.map(({ label, text, differs }) =>
    h('li', { class: differs ? 'input-differs' : '' }, h('code', {}, label), ` ${text}`),
  );
  return [h('ul', { class: 'compare-inputs' }, ...items)];
}
