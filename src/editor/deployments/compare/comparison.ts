/** Calls of two environments added up: results, latency, memory and cost. Pure. */
import type { Environment } from '../../../../runtime/protocol/deployments';
import { startedCold } from '../../../../runtime/protocol/latency';
import type { RunRecord } from '../../../../runtime/protocol/runRecord';
import type {
  ComparedSide,
  ResultDifference,
  TryComparison,
} from '../../../../runtime/protocol/tryState';
import { quantile } from './quantiles';
import { diffOutcomes, outcomeOf, type Outcome } from './resultDiff';

/** What is kept of a call that has ended. */
export interface CallSample {
  environment: Environment;
  succeeded: boolean;
  ms: number | null;
  cold: boolean | null;
  peak: { device: string; bytes: number } | null;
  usd: number | null;
  costNote: string | null;
  outcome: Outcome;
}

export function sampleOf(environment: Environment, record: RunRecord): CallSample {
  return {
    environment,
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

/** Adds up what has been called so far. */
export function addUp(
  samples: readonly CallSample[],
  versions: Readonly<Record<Environment, number>>,
  tolerance: number,
): Pick<TryComparison, 'staging' | 'production' | 'pairs' | 'differing' | 'difference'> {
  const of = (environment: Environment): CallSample[] =>
    samples.filter((sample) => sample.environment === environment);
  const [staging, production] = [of('staging'), of('production')];
  const differences = staging.flatMap(({ outcome }, index) => {
    const other = production[index];
    return other === undefined ? [] : [diffOutcomes(outcome, other.outcome, tolerance)];
  });
  const differ = differences.filter(({ kind }) => kind !== 'equal');
  return {
    staging: sideOf('staging', versions.staging, staging, tolerance),
    production: sideOf('production', versions.production, production, tolerance),
    pairs: differences.length,
    differing: differ.length,
    difference: differ[0] ?? leastEqual(differences),
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

function isSteady(samples: readonly CallSample[], tolerance: number): boolean | null {
  const [first, ...others] = samples;
  if (first === undefined || others.length === 0) return null;
  return others.every(
    ({ outcome }) => diffOutcomes(first.outcome, outcome, tolerance).kind === 'equal',
  );
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
