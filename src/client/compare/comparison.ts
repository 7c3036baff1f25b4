/** Calls of two environments added up: results, latency, memory and cost. Pure. */
import type { Environment } from '../../../runtime/protocol/deployments';
import { startedCold } from '../../../runtime/protocol/latency';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import type {
  ComparedSide,
  ResultDifference,
  TryComparison,
} from '../../../runtime/protocol/tryState';
import { quantile } from './quantiles';
import { diffOutcomes, outcomeOf, type Outcome } from './resultDiff';

/** What is kept of a call that has ended. */
export interface CallSample {
  environment: Environment;
  /** Which of the inputs it was called with. */
  input: number;
  succeeded: boolean;
  ms: number | null;
  cold: boolean | null;
  peak: { device: string; bytes: number } | null;
  usd: number | null;
  costNote: string | null;
  outcome: Outcome;
}

export function sampleOf(environment: Environment, input: number, record: RunRecord): CallSample {
  return {
    environment,
    input,
    succeeded: record.status === 'succeeded',
    ms: record.ms,
    cold: startedCold(record),
    peak: peakOf(record),
    usd: record.cost?.usd ?? null,
    costNote: record.cost?.note ?? null,
    outcome: outcomeOf(record),
  };
}

/** The device that used the most; a card goes before the host. Null where no sample was taken. */
export function peakOf({ peakBytes }: RunRecord): CallSample['peak'] {
  const peaks = Object.entries(peakBytes).map(([device, bytes]) => ({ device, bytes }));
  return mostOf(peaks.some(isCard) ? peaks.filter(isCard) : peaks);
}

/** In which order environments are called: in turn, each first as often as second. */
export function callOrder(calls: number): Environment[] {
  return Array.from({ length: calls }).flatMap((_, index): Environment[] =>
    index % 2 === 0 ? ['staging', 'production'] : ['production', 'staging'],
  );
}

type AddedUp = Pick<
  TryComparison,
  'staging' | 'production' | 'pairs' | 'differing' | 'difference' | 'differsFirst'
> & {
  /** By number of the input; none of one that has no pair yet. */
  byInput: (Pick<TryComparison, 'pairs' | 'differing'> | undefined)[];
};

/** Adds up what has been called so far. */
export function addUp(
  samples: readonly CallSample[],
  versions: Readonly<Record<Environment, number>>,
  tolerance: number,
): AddedUp {
  const of = (environment: Environment): CallSample[] =>
    samples.filter((sample) => sample.environment === environment);
  const [staging, production] = [of('staging'), of('production')];
  const compared = staging.flatMap(({ outcome, input }, index) => {
    const other = production[index];
    if (other === undefined) return [];
    return [{ input, difference: diffOutcomes(outcome, other.outcome, tolerance) }];
  });
  const differ = compared.filter(({ difference }) => difference.kind !== 'equal');
  const byInput: AddedUp['byInput'] = [];
  for (const { input, difference } of compared) {
    const { pairs, differing } = byInput[input] ?? { pairs: 0, differing: 0 };
    const more = difference.kind === 'equal' ? 0 : 1;
    byInput[input] = { pairs: pairs + 1, differing: differing + more };
  }
  return {
    staging: sideOf('staging', versions.staging, staging, tolerance),
    production: sideOf('production', versions.production, production, tolerance),
    pairs: compared.length,
    differing: differ.length,
    difference: differ[0]?.difference ?? leastEqual(compared.map(({ difference }) => difference)),
    differsFirst: differ[0]?.input ?? null,
    byInput,
  };
}

function sideOf(
  environment: Environment,
  version: number,
  samples: readonly CallSample[],
  tolerance: number,
): ComparedSide {
  const done = samples.filter(({ succeeded }) => succeeded);
  const durations = (wanted: readonly CallSample[]): number[] =>
    wanted.flatMap(({ ms }) => ms ?? []);
  const warm = done.filter(({ cold }) => cold !== true);
  const coldMs = durations(done.filter(({ cold }) => cold === true));
  const timed = warm.length > 0 ? durations(warm) : coldMs;
  const costs = done.flatMap(({ usd }) => usd ?? []);
  return {
    environment,
    version,
    done: done.length,
    failed: samples.length - done.length,
    coldMs,
    p50Ms: quantile(timed, 0.5),
    p95Ms: quantile(timed, 0.95),
    timed: timed.length,
    coldOnly: warm.length === 0 && coldMs.length > 0,
    memory: mostOf(samples.flatMap(({ peak }) => peak ?? [])),
    // Of all that returned: a call without a known cost makes the average unknown.
    usdPerCall:
      costs.length > 0 && costs.length === done.length
        ? costs.reduce((sum, usd) => sum + usd, 0) / costs.length
        : null,
    costNote: samples.find(({ costNote }) => costNote !== null)?.costNote ?? null,
    steady: isSteady(samples, tolerance),
  };
}

/** Whether every call of the same input gave the same. Null where no input was called twice. */
function isSteady(samples: readonly CallSample[], tolerance: number): boolean | null {
  const firsts = new Map<number, CallSample>();
  let again = 0;
  for (const sample of samples) {
    const first = firsts.get(sample.input);
    if (first === undefined) firsts.set(sample.input, sample);
    else {
      again += 1;
      if (diffOutcomes(first.outcome, sample.outcome, tolerance).kind !== 'equal') return false;
    }
  }
  return again === 0 ? null : true;
}

/** Of pairs that are all equal: the one whose numbers are the furthest apart. */
function leastEqual(differences: readonly ResultDifference[]): ResultDifference | null {
  let most: ResultDifference | null = null;
  for (const each of differences) {
    if (each.kind !== 'equal') continue;
    if (most?.kind !== 'equal' || each.largest > most.largest) most = each;
  }
  return most;
}

function isCard({ device }: { device: string }): boolean {
  return device !== 'host';
}

function mostOf(peaks: readonly { device: string; bytes: number }[]): CallSample['peak'] {
  return peaks.reduce<CallSample['peak']>(
    (most, each) => (most === null || each.bytes > most.bytes ? each : most),
    null,
  );
}
