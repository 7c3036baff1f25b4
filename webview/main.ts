/** The panel's page: puts the parts together and feeds them what the editor says. */
import { createAnnouncer } from './announcer';
import { FIGURE_PX, NAME_PX } from './axis';
import { runtimeNow } from './clock';
import { createBatchRow } from './batch';
import { createContainers } from './containers';
import { registerControls } from './controls';
import { h, show } from './dom';
import { createEmptyState } from './emptyState';
import { createFailedInputs } from './failedInputs';
import { createHeader } from './header';
import type { HostMessage } from '../runtime/protocol/panelMessages';
import { connectHost, type Host } from './host';
import { createLogView } from './log/view';
import { createMemoryChart } from './memoryChart';
import { createResultView } from './result/view';
import { createRuntimeStrip } from './runtimeStrip';
import { createSplitter } from './splitter';
import { emptyState, isRunsMessage, reduce, type LogChange, type PageState } from './state';
import { createTimeline } from './timeline';
import { runMs, timelineOf } from './timelineModel';
import { createTryPage, isTryMessage } from './try/page';

const MIN_COLUMN_PX = 220;

function start(app: HTMLElement): void {
  registerControls();
  const host = connectHost(isHostMessage);
  const header = createHeader(host);
  const strip = createRuntimeStrip(host);
  const batch = createBatchRow();
  const timeline = createTimeline();
  const memory = createMemoryChart();
  const log = createLogView(host);
  const result = createResultView(host);
  const failedInputs = createFailedInputs(host);
  const containers = createContainers(host);
  const announcer = createAnnouncer();
  const empty = createEmptyState();
  const left = h('div', { class: 'column left' }, timeline.element, memory.element);
  const right = h(
    'div',
    { class: 'column right' },
    result.element,
    failedInputs.element,
    containers.element,
  );
  const columns = h('main', { class: 'columns' }, left, log.element, right);
  addSplitters(columns, left, right, host);
  left.style.setProperty('--name-width', `${NAME_PX}px`);
  left.style.setProperty('--figure-width', `${FIGURE_PX}px`);
  const tryPage = createTryPage(host, announcer);
  let trying: boolean | null = null;
  showPage();
  for (const element of [header.element, columns, empty]) show(element, false);

  let state: PageState = emptyState;
  let frame: number | null = null;

  /** Runs, or the Try view in their place: what does not show is not on the page. */
  function showPage(): void {
    if (trying === tryPage.open) return;
    trying = tryPage.open;
    const parts = trying
      ? [strip.element, tryPage.element]
      : [header.element, strip.element, batch.element, columns, empty];
    app.replaceChildren(...parts, announcer.element);
  }

  function render(change: LogChange): void {
    const { selected, runtime } = state;
    strip.update(runtime);
    tryPage.setContainers(state.containers, runtime?.state === 'connected');
    show(header.element, selected !== null);
    show(columns, selected !== null);
    show(empty, selected === null && runtime !== null);
    if (selected === null) {
      show(batch.element, false);
      log.update(null, change);
      return;
    }
    header.update(selected, state.runs, runtime);
    batch.update(selected);
    const now = timelineOf(selected, runtimeNow(state.clock, Date.now()));
    timeline.update(now);
    memory.update(selected, now, runtime?.gpuNote ?? null);
    log.update(selected, change);
    result.update(selected);
    failedInputs.update(selected);
    const complete = runtime?.state === 'connected' && selected.status !== 'active';
    containers.update(state.containers, selected.container, complete);
    if (!tryPage.open) announcer.update(selected);
    tick();
  }

  /** Clocks and growing bars: each frame while a run is going; the browser makes none for a hidden page. */
  function tick(): void {
    if (frame !== null) cancelAnimationFrame(frame);
    frame = null;
    const { selected } = state;
    if (selected?.status !== 'active' || tryPage.open) return;
    const now = runtimeNow(state.clock, Date.now());
    const drawn = timelineOf(selected, now);
    timeline.update(drawn);
    memory.setSpan(drawn.spanMs);
    header.tick(runMs(selected, now));
    frame = requestAnimationFrame(tick);
  }

  host.onMessage((message) => {
    if (isTryMessage(message)) {
      tryPage.receive(message);
      showPage();
      tick();
      return;
    }
    const step = reduce(state, message, Date.now());
    const onlyLog = step.state === state;
    state = step.state;
    if (onlyLog) log.update(state.selected, step.log);
    else render(step.log);
  });
  host.post({ type: 'ready' });
}

function isHostMessage(data: unknown): data is HostMessage {
  return isRunsMessage(data) || isTryMessage(data);
}

function addSplitters(
  columns: HTMLElement,
  left: HTMLElement,
  right: HTMLElement,
  host: Host,
): void {
  const setWidth = (side: 'left' | 'right', px: number | null): void => {
    if (px === null) columns.style.removeProperty(`--${side}-width`);
    else columns.style.setProperty(`--${side}-width`, `${px}px`);
  };
  setWidth('left', host.prefs.leftPx);
  setWidth('right', host.prefs.rightPx);
  const splitter = (side: 'left' | 'right', label: string, column: HTMLElement): HTMLElement => {
    const remember = (px: number | null): void => {
      setWidth(side, px);
      host.setPrefs(side === 'left' ? { leftPx: px } : { rightPx: px });
    };
    return createSplitter({
      label,
      column,
      side: side === 'left' ? 'before' : 'after',
      minPx: MIN_COLUMN_PX,
      onResize: remember,
      onReset: () => {
        remember(null);
      },
    });
  };
  left.after(splitter('left', 'Width of the phases', left));
  right.before(splitter('right', 'Width of the result', right));
}

const app = document.getElementById('app');
if (app === null) throw new Error('The panel page has no element with the id "app".');
start(app);
