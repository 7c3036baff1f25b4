/** What the page knows, as a pure function of the editor's messages. Log lines are kept elsewhere. */
import type { LogLine } from '../runtime/protocol/logChunks';
import type { Container } from '../runtime/protocol/methods';
import type { PanelRuntime, RunsMessage } from '../runtime/protocol/panelMessages';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { observeRecord, unknownClock, type RunClock } from './clock';

export interface PageState {
  /** Null until the first snapshot. */
  runtime: PanelRuntime | null;
  /** Newest first. */
  runs: RunRecord[];
  selected: RunRecord | null;
  /** Of the selected run. */
  clock: RunClock;
  containers: Container[];
}

/** What a message means for the kept log lines. `dropped`: older lines that only the full log has. */
export type LogChange =
  | { kind: 'keep' }
  | { kind: 'append'; lines: LogLine[]; dropped: number }
  | { kind: 'replace'; lines: LogLine[]; dropped: number };

export interface Step {
  state: PageState;
  log: LogChange;
}

export const emptyState: PageState = {
  runtime: null,
  runs: [],
  selected: null,
  clock: unknownClock,
  containers: [],
};

const keep: LogChange = { kind: 'keep' };

type Handlers = {
  [T in RunsMessage['type']]: (
    state: PageState,
    message: Extract<RunsMessage, { type: T }>,
    now: number,
  ) => Step;
};

const handlers: Handlers = {
  snapshot: (state, { snapshot }, now) => {
    const record = snapshot.selected?.record ?? null;
    const same = record !== null && record.run === state.selected?.run;
    const clock = same ? state.clock : unknownClock;
    return {
      state: {
        runtime: snapshot.runtime,
        runs: snapshot.runs,
        selected: record,
        clock: record === null ? unknownClock : observeRecord(clock, record, now, false),
        containers: snapshot.containers,
      },
      log: {
        kind: 'replace',
        lines: snapshot.selected?.log ?? [],
        dropped: snapshot.selected?.dropped ?? 0,
      },
    };
  },

  record: (state, { record }, now) => {
    const known = state.runs.some((run) => run.run === record.run);
    const runs = known
      ? state.runs.map((run) => (run.run === record.run ? record : run))
      : [record, ...state.runs];
    if (state.selected !== null && state.selected.run !== record.run) {
      return { state: { ...state, runs }, log: keep };
    }
    const clock = state.selected === null ? unknownClock : state.clock;
    return {
      state: {
        ...state,
        runs,
        selected: record,
        clock: observeRecord(clock, record, now, true),
      },
      log: state.selected === null ? { kind: 'replace', lines: [], dropped: 0 } : keep,
    };
  },

  log: (state, { run, lines, dropped }) => ({
    state,
    log: state.selected?.run === run ? { kind: 'append', lines, dropped } : keep,
  }),

  runtime: (state, { runtime }) => ({ state: { ...state, runtime }, log: keep }),

  containers: (state, { containers }) => ({ state: { ...state, containers }, log: keep }),
};

/** True for a message that the page has a handler for. */
export function isRunsMessage(data: unknown): data is RunsMessage {
  return (
    typeof data === 'object' &&
    data !== null &&
    'type' in data &&
    typeof data.type === 'string' &&
    Object.hasOwn(handlers, data.type)
  );
}

/** Applies one message that arrived at `now` (ms since the epoch). The old state stays as it was. */
export function reduce(state: PageState, message: RunsMessage, now: number): Step {
  // The table's type pairs each handler with its message; indexing by a union loses that pairing.
  const handler = handlers[message.type] as (
    state: PageState,
    message: RunsMessage,
    now: number,
  ) => Step;
  return handler(state, message, now);
}
