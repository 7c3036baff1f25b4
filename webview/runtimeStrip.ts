/** A line about the runtime, whenever it is not simply there. */
import type { PanelRuntime } from '../runtime/protocol/panelMessages';
import { button, progressRing } from './controls';
import { h, show } from './dom';
import type { Host } from './host';
import { icon } from './icons';

/** What to tell about a runtime's state, and whether the person has something to do. Pure. */
export function runtimeNotice(
  runtime: PanelRuntime,
): { text: string; busy: boolean; actions: boolean } | null {
  switch (runtime.state) {
    case 'connected':
      return null;
    case 'off':
      return {
        text: runtime.message ?? 'No runtime is on. The first run starts the one on this machine.',
        busy: false,
        actions: true,
      };
    case 'starting':
      return { text: runtime.message ?? `Starting ${runtime.name}…`, busy: true, actions: false };
    case 'reconnecting':
      return {
        text:
          runtime.message ??
          `The connection to ${runtime.name} dropped. Reconnecting; the run goes on and nothing is lost.`,
        busy: true,
        actions: false,
      };
    case 'failed':
      return {
        text: runtime.message ?? `${runtime.name} failed.`,
        busy: false,
        actions: true,
      };
    default:
      return runtime.state satisfies never;
  }
}

export interface RuntimeStrip {
  readonly element: HTMLElement;
  update(runtime: PanelRuntime | null): void;
}

export function createRuntimeStrip(host: Host): RuntimeStrip {
  const element = h('div', { class: 'runtime-strip', role: 'status', hidden: true });
  let shown = '';
  return {
    element,
    update: (runtime) => {
      const notice = runtime === null ? null : runtimeNotice(runtime);
      const key = JSON.stringify([runtime?.state, notice]);
      if (key === shown) return;
      shown = key;
      show(element, notice !== null);
      if (notice === null || runtime === null) {
        element.replaceChildren();
        return;
      }
      element.dataset.state = runtime.state;
      element.replaceChildren(
        notice.busy
          ? progressRing(notice.text)
          : icon(runtime.state === 'failed' ? 'warning' : 'chip'),
        h('span', { class: 'notice' }, notice.text),
        ...(notice.actions ? [runtimeButtons(host)] : []),
      );
    },
  };
}

/** The two ways to get a runtime. */
export function runtimeButtons(host: Host): HTMLElement {
  return h(
    'span',
    { class: 'buttons' },
    button({
      label: 'Pair a GPU runtime',
      kind: 'primary',
      onClick: () => {
        host.post({ type: 'pair' });
      },
    }),
    button({
      label: 'Start the local runtime',
      kind: 'secondary',
      onClick: () => {
        host.post({ type: 'startLocalRuntime' });
      },
    }),
  );
}
