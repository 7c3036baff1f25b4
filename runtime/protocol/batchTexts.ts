/** Progress of a batch as people read it: the same in panel, editor and command line. Pure; English. */
import type { BatchEvent, InputFailedEvent, InputResultEvent, RerunEvent } from './events';
import { formatClock, formatCount, formatUsd, plural } from './figures';

/** Inputs that have ended, whatever came of them. */
export function endedInputs({ done, failed, cancelled }: BatchEvent): number {
  return done + failed + cancelled;
}

/** `128 of 200 inputs`; `128 of 140 inputs so far` while more are being read. */
export function countText(batch: BatchEvent): string {
  const soFar = batch.complete ? '' : ' so far';
  return `${formatCount(batch.done)} of ${plural(batch.total, 'input')}${soFar}`;
}

/** Count, failures, pace, time left and cost, as far as they are known; `active`: the run goes on. */
export function batchTexts(batch: BatchEvent, active: boolean): string[] {
  const { failed, cancelled, perSecond, leftMs, cost } = batch;
  const texts = [countText(batch)];
  if (failed > 0) texts.push(`${formatCount(failed)} failed`);
  if (cancelled > 0) texts.push(`${formatCount(cancelled)} given up`);
  if (active && endedInputs(batch) < batch.total) {
    if (perSecond !== null) texts.push(paceText(perSecond));
    if (leftMs !== null) texts.push(`about ${formatClock(Math.ceil(leftMs / 1000) * 1000)} left`);
    else if (!batch.complete) texts.push('time left unknown');
  }
  if (active && cost.usd > 0) texts.push(`${formatUsd(cost.usd)} so far`);
  return texts;
}

/** Which input failed, such as `square #7 (7)`, and why: `ValueError: no`. */
export function failedInputTexts(failed: InputFailedEvent): { input: string; error: string } {
  const { input, error, kind, message } = failed;
  return {
    input: `${inputName(failed)} ${input ?? '(input unknown)'}`,
    error: `${error ?? kind}: ${message}`,
  };
}

/** `3 of 200 inputs failed`, and how many of them are not listed. */
export function failedTitle({ failed, total }: BatchEvent, listed: number): string {
  const others = failed > listed ? `; the first ${formatCount(listed)} are listed` : '';
  return `${formatCount(failed)} of ${plural(total, 'input')} failed${others}`;
}

/** `Run 3 failed inputs again`; undefined where none of them was kept. */
export function rerunTitle({ kept = 0 }: BatchEvent): string | undefined {
  return kept === 0 ? undefined : `Run ${plural(kept, 'failed input')} again`;
}

/** How many inputs failed that can't be run again; undefined where all can. */
export function notKeptText({ failed, kept = 0 }: BatchEvent): string | undefined {
  if (failed <= kept) return undefined;
  return `${plural(failed - kept, 'failed input')} not kept to be run again`;
}

/** `3 failed inputs of run-…`, and how many failed there that are not among them. */
export function rerunText({ of, inputs, notKept }: RerunEvent): string {
  const without = notKept === 0 ? '' : `; ${formatCount(notKept)} more not kept`;
  return `${plural(inputs, 'failed input')} of ${of}${without}`;
}

/** Which input a result is of, such as `square #7`. */
export function inputName({
  function: name,
  index,
}: Pick<InputResultEvent, 'function' | 'index'>): string {
  return `${name} #${String(index)}`;
}

/** `1,234/s`, `41.2/s`; slower work by the minute or the hour. */
export function paceText(perSecond: number): string {
  if (perSecond >= 99.95) return `${formatCount(perSecond)}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  if (perSecond * 60 >= 1) return `${(perSecond * 60).toFixed(1)}/min`;
  return `${(perSecond * 3600).toFixed(1)}/h`;
}
