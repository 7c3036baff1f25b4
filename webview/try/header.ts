/** The line at the top of the Try view: back to the runs, which deployment, which function, what is shown. */
import type { TryState } from '../../runtime/protocol/tryState';
import { button, picker, setPressed } from '../controls';
import { h, setText, show } from '../dom';
import type { Host } from '../host';

export interface TryHeader {
  readonly element: HTMLElement;
  update(state: TryState): void;
}

export function createTryHeader(host: Host): TryHeader {
  let state: TryState | null = null;
  const back = button({
    label: 'Runs',
    icon: 'back',
    kind: 'secondary',
    testId: 'try-back',
    onClick: () => {
      host.post({ type: 'tryClose' });
    },
  });
  back.title = 'Back to the runs';
  const deployments = picker({
    label: 'Deployment',
    onPick: (id) => {
      const chosen = state?.deployments[Number(id)];
      if (chosen === undefined) return;
      const { app, environment } = chosen;
      host.post({ type: 'tryTarget', app, environment, qualname: null });
    },
  });
  deployments.element.dataset.testid = 'try-deployment';
  const functions = picker({
    label: 'Function',
    onPick: (qualname) => {
      if (state === null) return;
      const { app, environment } = state.target;
      host.post({ type: 'tryTarget', app, environment, qualname });
    },
  });
  functions.element.dataset.testid = 'try-function';
  const version = h('span', { class: 'muted try-version' });
  const view = (shown: TryState['shown'], label: string): HTMLElement =>
    button({
      label,
      kind: 'secondary',
      testId: `try-show-${shown}`,
      onClick: () => {
        host.post({ type: 'tryShow', shown });
      },
    });
  const [response, comparison] = [view('response', 'Response'), view('comparison', 'Comparison')];
  const views = h('div', { class: 'try-views', role: 'group', 'aria-label': 'What is shown' });
  views.append(response, comparison);
  const element = h(
    'header',
    { class: 'try-head' },
    back,
    h('h1', {}, 'Try it'),
    deployments.element,
    functions.element,
    version,
    views,
  );
  return {
    element,
    update: (next) => {
      state = next;
      const { target } = next;
      const here = next.deployments.findIndex(
        ({ app, environment }) => app === target.app && environment === target.environment,
      );
      deployments.update(
        next.deployments.map((each, index) => ({
          id: String(index),
          label: `${each.app} · ${each.environment} · version ${each.version}`,
        })),
        here === -1 ? null : String(here),
      );
      functions.update(
        (next.deployments[here]?.functions ?? []).map((id) => ({ id, label: id })),
        target.qualname,
      );
      setText(version, next.version ?? 'nothing is served');
      version.title = next.version ?? '';
      show(views, next.comparison !== null || next.shown === 'comparison');
      setPressed(response, next.shown === 'response');
      setPressed(comparison, next.shown === 'comparison');
    },
  };
}
