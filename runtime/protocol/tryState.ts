/** What the panel's Try view shows, as plain data: a form, and a comparison of two environments. */
import type { Environment } from './deployments';

/** How often each environment can be called with each input for a comparison. */
export const COMPARE_CALLS = [1, 5, 20] as const;
/** Inputs that a comparison takes at most: those of the form, and of earlier calls. */
export const COMPARE_INPUTS = 20;

/** Which function of what is deployed. */
export interface TryTarget {
  app: string;
  environment: Environment;
  qualname: string;
}

/** What an environment serves now, and its functions that can be called. */
export interface TryDeployment {
  app: string;
  environment: Environment;
  version: number;
  functions: string[];
}

/** One input of the form. */
export interface TryField {
  /** `instance`: of the constructor, for a method. */
  part: 'call' | 'instance';
  name: string;
  /** As the signature has it: `prompt: str`. */
  signature: string;
  hint: string;
  required: boolean;
  /** Values to choose from, as source text; empty where anything goes. */
  choices: string[];
  text: string;
  /** What is wrong with the text, once the person has had a say. */
  problem: string | null;
}

/** What happened, why, and what to do next. */
export interface TryProblem {
  message: string;
  hint: string | null;
}

/** Calls of one environment, added up. Null is unknown. */
export interface ComparedSide {
  environment: Environment;
  version: number;
  done: number;
  failed: number;
  /** Durations of calls that started cold, ms. */
  coldMs: number[];
  p50Ms: number | null;
  p95Ms: number | null;
  /** Calls that p50 and p95 are of. */
  timed: number;
  /** Every call that returned started cold, so the figures are of cold calls. */
  coldOnly: boolean;
  memory: { device: string; bytes: number } | null;
  usdPerCall: number | null;
  costNote: string | null;
  /** Whether its own results are the same for each input; null where none was called twice. */
  steady: boolean | null;
}

/** One place of two JSON values that differs. */
export interface JsonDifference {
  /** Such as `items[2].score`; empty for the whole. */
  path: string;
  kind: 'changed' | 'only-staging' | 'only-production';
  /** Shortened for reading; null on the side that lacks it. */
  staging: string | null;
  production: string | null;
}

export interface TextLine {
  side: 'both' | 'staging' | 'production';
  text: string;
}

export type ResultDifference =
  /** `largest`: the largest relative deviation of two numbers that count as equal. */
  | { kind: 'equal'; largest: number }
  /** `total`: how many there are, of which `entries` are the first. */
  | { kind: 'json'; entries: JsonDifference[]; total: number }
  | { kind: 'text'; lines: TextLine[]; total: number }
  /** Nothing to lay side by side: the sentence says what differs. */
  | { kind: 'other'; text: string };

export interface TryComparison {
  /** What is called, with its inputs, in a line. */
  of: string;
  status: 'active' | 'done' | 'cancelled' | 'failed';
  /** Calls wanted of each environment, all inputs together. */
  calls: number;
  tolerance: number;
  staging: ComparedSide;
  production: ComparedSide;
  /** Pairs of calls with the same number, of which both have ended. */
  pairs: number;
  differing: number;
  /** Of the first pair that differs, else of the first; null before there is one. */
  difference: ResultDifference | null;
  /** Number of the input of the first pair that differs. */
  differsFirst: number | null;
  /** What was called with, each with its pairs of calls. */
  inputs: { label: string; pairs: number; differing: number }[];
  /** What a reader of the figures must know besides. */
  notes: string[];
  problem: TryProblem | null;
}

export interface TryState {
  target: TryTarget;
  deployments: TryDeployment[];
  /** The version in a line; null while nothing is served. */
  version: string | null;
  fields: TryField[];
  /** Counts up when the texts were set by something else than typing. */
  revision: number;
  /** Counts up with each call that problems of fields kept from being made. */
  refused: number;
  /** Inputs of earlier calls, the newest first. */
  saved: string[];
  busy: 'no' | 'preparing' | 'calling' | 'comparing';
  /** Why nothing can be called, or the last one could not. */
  problem: TryProblem | null;
  /** Why the two environments can't be compared; null where they can. */
  notComparable: string | null;
  shown: 'response' | 'comparison';
  comparison: TryComparison | null;
}
