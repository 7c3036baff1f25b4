/** Tells screen readers how a run gets on: its phases and its end, politely. */
import { currentPhase, type RunRecord } from '../runtime/protocol/runRecord';
import { h, setText } from './dom';
import { formatMs } from '../runtime/protocol/figures';
import { statusTitles } from './header';
import { phaseTitles } from './timelineModel';

/** The sentence for where a run stands. Pure. */
export function announcement(record: RunRecord): string {
  if (record.status !== 'active') {
    const time = record.ms === null ? '' : ` after ${formatMs(record.ms)}`;
    const why = record.error === null ? '' : `: ${record.error.message}`;
    return `${record.qualname} ${statusTitles[record.status].toLowerCase()}${time}${why}`;
  }
  const phase = currentPhase(record);
  return phase === undefined ? '' : `${record.qualname}: ${phaseTitles[phase.phase]}`;
}

export function createAnnouncer(): { element: HTMLElement; update: (record: RunRecord) => void } {
  const element = h('div', { class: 'sr-only', role: 'status', 'aria-live': 'polite' });
  return {
    element,
    update: (record) => {
      setText(element, announcement(record));
    },
  };
}
