/** Warm containers: what they are, how long they stay, and a way to stop them. */
import type { Container } from '../runtime/protocol/methods';
import { button } from './controls';
import { h } from './dom';
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
  let shown = '';
  return {
    element,
    update: (containers, current, complete) => {
      const ordered = [...containers].sort(
        (a, b) => Number(b.container === current) - Number(a.container === current),
      );
      const key = JSON.stringify([ordered, current, complete]);
      if (key === shown) return;
      shown = key;
      const gone =
        complete &&
        current !== null &&
        !containers.some((container) => container.container === current);
      list.replaceChildren(
        ...ordered.map((container) => card(host, container, container.container === current)),
        ...(gone ? [h('li', { class: 'container gone' }, `Container ${current} has stopped`)] : []),
      );
    },
  };
}

function card(host: Host, container: Container, current: boolean): HTMLElement {
  const stop = button({
    label: 'Stop',
    kind: 'secondary',
    testId: 'stop',
    onClick: () => {
      host.post({ type: 'stopContainer', container: container.container });
    },
  });
  stop.setAttribute('aria-label', `Stop container ${container.container} of ${container.app}`);
  if (container.state === 'stopping') stop.setAttribute('disabled', '');
  const facts = containerFacts(container);
  return h(
    'li',
    {
      class: current ? 'container current' : 'container',
      'data-testid': 'container',
      'data-container': container.container,
      'data-state': container.state,
    },
    h('span', { class: 'dot' }),
    h(
      'span',
      { class: 'container-text', title: `Container ${container.container} · ${facts}` },
      h('strong', {}, container.app),
      h('span', { class: 'state' }, ` ${container.state}`),
      h('span', { class: 'muted' }, ` · ${facts}`),
    ),
    stop,
  );
}
