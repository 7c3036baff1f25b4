/** Warm containers: what they are, how long they stay, and a way to stop them. */
import type { Container } from '../runtime/protocol/methods';
import { button, setDisabled } from './controls';
import { h, setAttribute, setText } from './dom';
import { formatBytes, formatTime, plural } from '../runtime/protocol/figures';
import type { Host } from './host';

/** The facts of a container in a line. Pure. */
export function containerFacts(container: Container): string {
  const facts = [container.gpu ?? 'CPU'];
  if (container.memoryBytes !== null) facts.push(formatBytes(container.memoryBytes));
  if (container.runs.length > 0) facts.push(plural(container.runs.length, 'run'));
  if (container.idleUntil !== null) facts.push(`until ${formatTime(container.idleUntil)}`);
  if (container.pid !== null) facts.push(`pid ${container.pid}`);
  facts.push(container.engine);
  return facts.join(' · ');
}

export interface ContainersView {
  readonly element: HTMLElement;
  /**
   * `current`: the selected run's container, which comes first. `complete`: the list is up to date, so
   * that a container missing from it has stopped.
   */
  update(containers: readonly Container[], current: string | null, complete: boolean): void;
}

export function createContainers(host: Host): ContainersView {
  const list = h('ul', { class: 'container-list' });
  const element = h('section', { class: 'containers', 'aria-label': 'Containers' }, list);
  const gone = h('li', { class: 'container gone' });
  /** By container. A card stays for as long as its container: one made anew takes away a click on the old one. */
  const cards = new Map<string, Card>();
  return {
    element,
    update: (containers, current, complete) => {
      const ordered = [...containers].sort(
        (a, b) => Number(b.container === current) - Number(a.container === current),
      );
      const ids = new Set(ordered.map(({ container }) => container));
      for (const [id, card] of cards) {
        if (ids.has(id)) continue;
        card.element.remove();
        cards.delete(id);
      }
      for (const [index, container] of ordered.entries()) {
        const card = cards.get(container.container) ?? createCard(host, container);
        cards.set(container.container, card);
        card.update(container, container.container === current);
        const there = list.children[index] ?? null;
        if (there !== card.element) list.insertBefore(card.element, there);
      }
      if (complete && current !== null && !ids.has(current)) {
        setText(gone, `Container ${current} has stopped`);
        list.append(gone);
      } else {
        gone.remove();
      }
    },
  };
}

interface Card {
  readonly element: HTMLElement;
  update(container: Container, current: boolean): void;
}

function createCard(host: Host, { container: id, app }: Container): Card {
  const stop = button({
    label: 'Stop',
    kind: 'secondary',
    testId: 'stop',
    onClick: () => {
      host.post({ type: 'stopContainer', container: id });
    },
  });
  stop.setAttribute('aria-label', `Stop container ${id} of ${app}`);
  const state = h('span', { class: 'state' });
  const facts = h('span', { class: 'muted' });
  const text = h('span', { class: 'container-text' }, h('strong', {}, app), state, facts);
  const element = h(
    'li',
    { class: 'container', 'data-testid': 'container', 'data-container': id },
    h('span', { class: 'dot' }),
    text,
    stop,
  );
  return {
    element,
    update: (container, current) => {
      element.classList.toggle('current', current);
      element.dataset.state = container.state;
      const told = containerFacts(container);
      setText(state, ` ${container.state}`);
      setText(facts, ` · ${told}`);
      setAttribute(text, 'title', `Container ${id} · ${told}`);
      setDisabled(stop, container.state === 'stopping');
    },
  };
}
