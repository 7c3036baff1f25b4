/** What the lenses above a function say. Pure: a record and a clock in, texts out. */
import type { DiscoveredFunction } from '../discovery/model';
import { countText } from '../../runtime/protocol/batchTexts';
import { currentPhase, type PhaseRecord, type RunRecord } from '../../runtime/protocol/runRecord';
import { formatClock, formatMs, formatUsd } from '../../runtime/protocol/figures';
import { stoppedText } from '../../runtime/protocol/stopped';
import { slowness } from '../../runtime/protocol/slowness';

/** What is known of the newest run of a function. */
export type LensState =
  | { readonly kind: 'idle' }
  /** Before there is a run: the runtime starts, the bundle is made. `since`: ms since the epoch. */
  | { readonly kind: 'preparing'; readonly what: string; readonly since: number }
  | { readonly kind: 'run'; readonly record: RunRecord };

export interface LensText {
  readonly title: string;
  readonly tooltip: string;
  readonly action: 'run' | 'debug' | 'deployStaging' | 'runWithArguments' | 'cancel' | 'openPanel';
}

/** Kinds that can be started; a class is started through its methods. */
export function isRunnable(found: DiscoveredFunction): boolean {
  return found.kind !== 'cls';
}

/** The GPU as the decorator names it. */
export function gpuLabel(found: DiscoveredFunction): string {
  if (found.kind === 'local_entrypoint') return 'this machine';
  return found.gpu ?? (found.dynamicOptions.includes('gpu') ? 'GPU' : 'CPU');
}

/**
 * The lenses of one function. Their number depends on the function alone, never on its state, so that
 * nothing moves under the pointer.
 */
export function lensTexts(
  found: DiscoveredFunction,
  state: LensState,
  now: number,
): readonly LensText[] {
  const active = isActive(state);
  const first: LensText = active
    ? { title: '$(debug-stop) Cancel', tooltip: `Cancel ${found.qualname}`, action: 'cancel' }
    : { title: runTitle(found), tooltip: runTooltip(found), action: 'run' };
  const status: LensText = {
    title: `${gpuLabel(found)}${statusText(found, state, now)}`,
    tooltip: statusTooltip(state),
    action: 'openPanel',
  };
  const other: LensText = {
    title: 'Arguments…',
    tooltip: `Run ${found.qualname} with other arguments`,
    action: 'runWithArguments',
  };
  const debug: LensText = {
    title: '$(debug-alt) Debug',
    tooltip: `Run ${found.qualname} on the runtime and stop at breakpoints`,
    action: 'debug',
  };
  const deploy: LensText = {
    title: '$(cloud-upload) Deploy to staging',
    tooltip: `Make a version of ${found.app ?? 'the app'} as it stands in the editor, and let staging serve it`,
    action: 'deployStaging',
  };
  const texts = [
    first,
    ...(found.kind === 'local_entrypoint' ? [] : [debug, deploy]),
    status,
    ...(found.parameters.length === 0 ? [] : [other]),
  ];
  return texts.map((text) => ({ ...text, title: keepSpaces(text.title) }));
}

/** The editor swallows plain spaces beside an icon. */
function keepSpaces(title: string): string {
  return title.replaceAll(/ (?=\$\()|(?<=\)) /g, '\u00a0');
}

function isActive(state: LensState): boolean {
  return state.kind === 'preparing' || (state.kind === 'run' && state.record.status === 'active');
}

function runTitle(found: DiscoveredFunction): string {
  return found.kind === 'local_entrypoint' ? '$(play) Run Locally' : '$(play) Run on GPU';
}

function runTooltip(found: DiscoveredFunction): string {
  if (found.kind === 'local_entrypoint') {
    return `Run ${found.qualname} on this machine; its .remote() and .map() calls go to the runtime`;
  }
  return `Run ${found.qualname} on the runtime, as it stands in the editor`;
}

function statusText(found: DiscoveredFunction, state: LensState, now: number): string {
  switch (state.kind) {
    case 'idle':
      return '';
    case 'preparing':
      return ` · $(loading~spin) ${state.what} ${formatClock(now - state.since)}`;
    case 'run':
      return ` · ${recordText(state.record, ranOnCpu(found, state.record) ? 'on CPU ' : '', now)}`;
  }
}

/** `cpu`: said where a function that asks for a GPU has none. */
function recordText(record: RunRecord, cpu: string, now: number): string {
  switch (record.status) {
    case 'active': {
      const stopped = stoppedText(record);
      if (stopped !== null) return `$(debug-pause) ${cpu}${stopped}`;
      const phase = currentPhase(record);
      const since = phase?.startedAt ?? record.startedAt;
      const debugged = record.debug !== null;
      const slow = phase === undefined || debugged ? null : slowness(phase, now - since);
      const inputs = record.batch === null ? '' : ` · ${countText(record.batch)}`;
      const clock = `$(loading~spin) ${phaseText(phase)} ${cpu}${formatClock(now - since)}${inputs}`;
      return slow === null ? clock : `${clock} · ${slow}`;
    }
    case 'succeeded':
      return `$(pass) ${cpu}${ending(record)}`;
    case 'failed':
      return `$(error) ${record.error?.type ?? record.error?.kind ?? 'failed'} · ${cpu}${ending(record)}`;
    case 'cancelled':
      return `$(circle-slash) cancelled · ${cpu}${ending(record)}`;
  }
}

/** A model that loads is named, as far as a lens has room. */
function phaseText(phase: PhaseRecord | undefined): string {
  if (phase === undefined) return 'starting';
  if (phase.phase !== 'model-load' || phase.detail === null) return phase.phase;
  return `model-load: ${phase.detail.length > 40 ? `${phase.detail.slice(0, 39)}…` : phase.detail}`;
}

function ending(record: RunRecord): string {
  const parts = record.ms === null ? [] : [formatMs(record.ms)];
  if (record.cost !== null) parts.push(formatUsd(record.cost.usd));
  return parts.join(' · ');
}

function ranOnCpu(found: DiscoveredFunction, record: RunRecord): boolean {
  const asksForGpu = found.gpu !== undefined || found.dynamicOptions.includes('gpu');
  return record.device === 'cpu' && asksForGpu;
}

function statusTooltip(state: LensState): string {
  if (state.kind !== 'run') return 'Open the Velar panel';
  const { error, cost } = state.record;
  const parts = [
    error === null ? '' : error.message,
    cost?.note ?? '',
    'Click to open the Velar panel.',
  ];
  return parts.filter((part) => part !== '').join('\n');
}
