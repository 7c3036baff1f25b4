/** The list of runs, newest first, to look back at an earlier one. */
import type { RunRecord } from '../runtime/protocol/runRecord';
import { picker } from './controls';
import { formatMs, formatTime } from '../runtime/protocol/figures';
import type { Host } from './host';

const marks: Record<RunRecord['status'], string> = {
  active: '●',
  succeeded: '✓',
  failed: '✗',
  cancelled: '⊘',
};

/** How a run reads in the list: `✓ train · 3.21 s · 14:02:31`. */
export function runLabel(record: RunRecord): string {
  const how = record.ms === null ? 'running' : formatMs(record.ms);
  return `${marks[record.status]} ${record.qualname} · ${how} · ${formatTime(record.startedAt)}`;
}

export function createRunPicker(host: Host): {
  element: HTMLElement;
  update: (runs: readonly RunRecord[], selected: string) => void;
} {
  const list = picker({
    label: 'Earlier runs',
    onPick: (run) => {
      host.post({ type: 'select', run });
    },
  });
  list.element.classList.add('run-picker');
  return {
    element: list.element,
    update: (runs, selected) => {
      list.update(
        runs.map((record) => ({ id: record.run, label: runLabel(record) })),
        selected,
      );
    },
  };
}
