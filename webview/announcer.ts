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

export interface Announcer {
  readonly element: HTMLElement;
  update(record: RunRecord): void;
  /** Says a sentence of another view. */
  say(text: string): void;
}

export function createAnnouncer(): Announcer {
  const element = h('div', { class: 'sr-only', role: 'status', 'aria-live': 'polite' });
  const say = (text: string): void => {
    setText(element, text);
  };
  return {
    element,
    say,
    update: (record) => {
      say(announcement(record));
    },
  };
}
