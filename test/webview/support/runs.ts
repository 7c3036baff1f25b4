/** Runs as the editor would have recorded them: real events through the real reducer. */
import type { BatchEvent, RunEvent } from '../../../runtime/protocol/events';
import type { LogLine } from '../../../runtime/protocol/logChunks';
import type { Container } from '../../../runtime/protocol/methods';
import type { RunsMessage, PanelRuntime } from '../../../runtime/protocol/panelMessages';
import type { CardSample } from '../../../runtime/protocol/gpus';
import type { Phase } from '../../../runtime/protocol/phaseOrder';
import { applyRunEvent, newRunRecord, type RunRecord } from '../../../runtime/protocol/runRecord';
import type { ResultValue, RunError } from '../../../runtime/protocol/values';

/** A fixed moment, ms since the epoch: 14:02:31 in UTC. */
export const START = Date.UTC(2026, 2, 3, 14, 2, 31);
const MEGABYTE = 1_000_000;

export const runtime: PanelRuntime = {
  name: 'gpu-box',
  state: 'connected',
  message: null,
  gpus: [
    {
      index: 0,
      uuid: 'GPU-1',
      name: 'NVIDIA L4',
      model: 'L4',
      memoryTotalBytes: 24_152_899_584,
      memoryUsedBytes: 0,
    },
  ],
  gpuNote: null,
};

export const localRuntime: PanelRuntime = {
  name: 'This machine',
  state: 'connected',
  message: null,
  gpus: [],
  gpuNote: 'No GPU on this runtime; host memory shown',
};

/** `[phase, ms, detail]`, or `[phase, null, why it was skipped]`. */
type Step = [Phase, number | null, string?];

const coldSteps: Step[] = [
  ['queued', 38],
  ['provisioning', null, 'this machine'],
  ['image', null, 'cached'],
  ['container', 840, 'python 3.11, NVIDIA L4'],
  ['imports', 3180, 'torch, transformers'],
  ['model-load', 4620, 'gpt2 (transformers.pipeline)'],
  ['running', 2310],
];

/** Phase events of a run whose phases follow one another; the first `count` of them. */
export function phaseEvents(steps: Step[] = coldSteps, start = START): RunEvent[] {
  let at = start;
  return steps.flatMap(([phase, ms, detail]): RunEvent[] => {
    const words = detail === undefined ? {} : { detail };
    if (ms === null) return [{ type: 'phase', at, phase, status: 'skipped', ms: 0, ...words }];
    const from = at;
    at += ms;
    return [
      { type: 'phase', at: from, phase, status: 'started', ...words },
      { type: 'phase', at, phase, status: 'done', ms, ...words },
    ];
  });
}

/** Events in the order of their times, as a runtime sends them. */
export function inOrder(events: readonly RunEvent[]): RunEvent[] {
  return [...events].sort((a, b) => a.at - b.at);
}

export function record(
  qualname: string,
  events: RunEvent[],
  options: { run?: string; file?: string; startedAt?: number } = {},
): RunRecord {
  const { run = `run-${qualname.toLowerCase()}0123456789`, file = 'examples/app.py' } = options;
  return events.reduce(
    applyRunEvent,
    newRunRecord(run, file, qualname, options.startedAt ?? START),
  );
}

/** What the card says beside: somebody else has 3 GB of it. */
function cardAt(usedBytes: number): CardSample {
  return {
    scope: 'container',
    usedBytes: Math.round(usedBytes) + 3_000_000_000,
    othersBytes: 3_000_000_000,
    gpuPercent: 87,
    memoryPercent: 41,
    temperatureC: 61,
    powerWatts: 70.6,
    powerLimitWatts: 72,
  };
}

function samples(
  device: string,
  source: 'nvml' | 'rss',
  curve: (part: number) => number,
): RunEvent[] {
  return Array.from({ length: 60 }, (_, index): RunEvent => {
    const at = START + 900 + index * 168;
    return {
      type: 'memory',
      at,
      device,
      source,
      usedBytes: Math.round(curve(index / 59) * MEGABYTE),
      totalBytes: device === 'host' ? null : 24_152_899_584,
      ...(source === 'nvml' ? { card: cardAt(curve(index / 59) * MEGABYTE) } : {}),
    };
  });
}

const gpuCurve = (part: number): number => {
  if (part < 0.4) return 6;
  if (part < 0.78) return 6 + (part - 0.4) * 5800;
  return 2210 + Math.sin(part * 60) * 90 + (part - 0.78) * 3100;
};

/** A cold run on a GPU that returned a JSON value. */
export function gpuRun(): RunRecord {
  return record(
    'generate',
    inOrder([
      ...phaseEvents(),
      {
        type: 'container',
        at: START + 60,
        container: 'c-7f3a',
        warm: false,
        device: 'gpu',
        gpu: 'L4',
      },
      ...samples('L4 0', 'nvml', gpuCurve),
      {
        type: 'cost',
        at: START + 10_988,
        seconds: 10.11,
        gpu: 'L4',
        usd: 0.00225,
        note: 'L4 at $0.80 an hour',
      },
      {
        type: 'result',
        at: START + 10_988,
        result: {
          value: {
            prompt: 'The best thing about a warm container is',
            text: 'that the second call answers before the first one has stopped being impressive.',
            tokens: 64,
            seconds: 2.3,
            finished: true,
            stop: null,
            scores: [0.98, 0.87, 0.61, 0.34],
          },
        },
      },
      { type: 'ended', at: START + 10_990, status: 'succeeded', ms: 10_990, lines: 14 },
    ]),
  );
}

/** A warm run on the CPU that returned `result`. */
export function cpuRun(qualname: string, result: ResultValue, run?: string): RunRecord {
  const steps: Step[] = [
    ['queued', 4],
    ['provisioning', null, 'this machine'],
    ['image', null, 'cached'],
    ['container', null, 'warm container'],
    ['imports', null, 'warm container'],
    ['model-load', null, 'nothing to load'],
    ['running', 1204, 'on CPU'],
  ];
  return record(
    qualname,
    [
      ...phaseEvents(steps),
      {
        type: 'container',
        at: START + 5,
        container: 'c-11aa',
        warm: true,
        device: 'cpu',
        gpu: null,
      },
      ...[0, 300, 600, 900, 1150].map((ms): RunEvent => ({
        type: 'memory',
        at: START + 10 + ms,
        device: 'host',
        usedBytes: (90 + ms / 20) * MEGABYTE,
        peakBytes: 180 * MEGABYTE,
        totalBytes: 16_000 * MEGABYTE,
        source: 'rss',
      })),
      {
        type: 'cost',
        at: START + 1208,
        seconds: 1.2,
        gpu: null,
        usd: 0,
        note: 'CPU on this runtime: not billed',
      },
      { type: 'result', at: START + 1208, result },
      { type: 'ended', at: START + 1210, status: 'succeeded', ms: 1210, lines: 3 },
    ],
    run === undefined ? {} : { run },
  );
}

export const userError: RunError = {
  kind: 'user',
  type: 'ValueError',
  message: "could not convert string to float: 'abc'",
  traceback: [
    { file: 'examples/app.py', line: 41, function: 'train', text: '    rows = load(path)' },
    {
      file: 'examples/data.py',
      line: 12,
      function: 'load',
      text: '    return [float(x) for x in row]',
    },
  ],
  text:
    'Traceback (most recent call last):\n' +
    '  File "examples/app.py", line 41, in train\n    rows = load(path)\n' +
    '  File "examples/data.py", line 12, in load\n    return [float(x) for x in row]\n' +
    "ValueError: could not convert string to float: 'abc'\n",
  hint: 'Row 7 of data.csv has text where a number is expected.',
};

/** A run that raised. */
export function failedRun(error: RunError = userError): RunRecord {
  const events = phaseEvents().slice(0, -1);
  return record('train', [
    ...events,
    { type: 'phase', at: START + 9_400, phase: 'running', status: 'failed', ms: 720 },
    { type: 'error', at: START + 9_400, error },
    { type: 'ended', at: START + 9_402, status: 'failed', ms: 9_402, lines: 4 },
  ]);
}

/** A run that is in the middle of loading its model. `startedAt`: ms since the epoch. */
export function liveRun(startedAt: number): RunRecord {
  const shift = startedAt - START;
  const events = [
    ...phaseEvents().slice(0, -3),
    ...samples('L4 0', 'nvml', gpuCurve).slice(0, 32),
  ].map((event) => ({ ...event, at: event.at + shift }));
  const live = record(
    'generate',
    [
      ...events,
      {
        type: 'container',
        at: startedAt + 60,
        container: 'c-7f3a',
        warm: false,
        device: 'gpu',
        gpu: 'L4',
      },
    ],
    { startedAt, run: 'run-live0123456789' },
  );
  const expected: Partial<Record<Phase, number>> = { 'model-load': 5200, running: 2400 };
  return {
    ...live,
    phases: live.phases.map((phase) => ({
      ...phase,
      expectedMs: expected[phase.phase] ?? null,
    })),
  };
}

/** A run in the middle of a batch of 200 inputs. */
export function batchRun(batch: Partial<BatchEvent>): RunRecord {
  return record(
    'main',
    [
      ...phaseEvents().slice(0, -1),
      {
        type: 'batch',
        at: START + 11_000,
        done: 0,
        failed: 0,
        cancelled: 0,
        total: 200,
        complete: true,
        perSecond: 41.23,
        leftMs: 1_868,
        cost: { seconds: 19.1, gpu: 'L4', usd: 0.0031 },
        ...batch,
      },
    ],
    { run: 'run-batch0123456789' },
  );
}

export const containers: Container[] = [
  {
    container: 'c-7f3a',
    app: 'text-generation',
    image: 'sha256:1',
    engine: 'process',
    state: 'idle',
    gpu: 'L4',
    pid: 4242,
    startedAt: START,
    idleUntil: START + 71_000,
    memoryBytes: 2_410_000_000,
    runs: [],
  },
];

/** Log lines numbered from `from`; `[stream, text]` or text on stdout. */
export function lines(texts: (string | ['stdout' | 'stderr', string])[], from = 1): LogLine[] {
  return texts.map((item, index) => {
    const [stream, text] = typeof item === 'string' ? (['stdout', item] as const) : item;
    return { seq: from + index, stream, at: START + index * 10, text, partial: false };
  });
}

export const typicalLog = lines([
  'Loading gpt2 on cuda:0',
  [
    'stderr',
    'tokenizer_config.json:   0%|          | 0/26 [00:00<?]\rtokenizer_config.json: 100%|██████████| 26/26 [00:00<00:00, 214kB/s]',
  ],
  [
    'stderr',
    'model.safetensors:  12%|█▏        | 64M/548M\rmodel.safetensors: 100%|██████████| 548M/548M [00:04<00:00, 131MB/s]',
  ],
  [
    'stderr',
    '/opt/venv/lib/python3.11/site-packages/transformers/pipelines/base.py:1090: UserWarning: You seem to be using the pipelines sequentially on GPU.',
  ],
  '\u001b[32mINFO\u001b[0m  \u001b[2m14:02:40\u001b[0m model ready in \u001b[1m4.62 s\u001b[0m',
  '\u001b[33mWARN\u001b[0m  \u001b[2m14:02:41\u001b[0m no pad token, using \u001b[36meos\u001b[0m',
  'step  1/8  loss \u001b[38;5;208m3.412\u001b[0m  lr 5.0e-05',
  'step  2/8  loss \u001b[38;5;208m2.987\u001b[0m  lr 4.4e-05',
  'step  3/8  loss \u001b[38;5;208m2.610\u001b[0m  lr 3.8e-05',
  'step  4/8  loss \u001b[38;5;208m2.304\u001b[0m  lr 3.1e-05',
  ['stderr', 'Traceback (most recent call last):'],
  ['stderr', '  File "examples/app.py", line 41, in generate'],
  ['stderr', "KeyError: 'pad' (handled)"],
  'done: 64 tokens in 2.30 s',
]);

/** A snapshot that shows `selected`, with it and `others` in the list of runs. */
export function snapshot(
  selected: RunRecord | null,
  options: {
    log?: LogLine[];
    dropped?: number;
    others?: RunRecord[];
    runtime?: PanelRuntime;
    containers?: Container[];
  } = {},
): RunsMessage {
  return {
    type: 'snapshot',
    snapshot: {
      runtime: options.runtime ?? runtime,
      runs: [...(selected === null ? [] : [selected]), ...(options.others ?? [])],
      selected:
        selected === null
          ? null
          : { record: selected, log: options.log ?? [], dropped: options.dropped ?? 0 },
      containers: options.containers ?? [],
    },
  };
}
