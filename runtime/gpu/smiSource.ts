/** nvidia-smi as a sampler: one process that tells of cards and one of their processes, both long-lived. */
import { minimalEnvironment, startChild, type Child } from '../engines/children';
import { onLines } from './nvml';
import type { SampleListener, SampleSource } from './samples';
import { APPS_QUERY, CSV_FORMAT, GPU_QUERY, parseAppLine, parseGpuLine, ProcessLines } from './smi';

/** Each look costs nvidia-smi some ms of a core, so it is never asked for more. */
const INTERVAL_MS = 1000;
const GRACE_MS = 500;

/** Starts both. Samples come once a second from now on, whatever the interval asked for. Rejects as startChild. */
export async function startSmi(
  smi: string,
  environment: Readonly<Record<string, string | undefined>>,
  listener: SampleListener,
): Promise<SampleSource> {
  const start = (query: string): Promise<Child> =>
    startChild({
      command: smi,
      args: [query, CSV_FORMAT, '-lms', String(INTERVAL_MS)],
      env: minimalEnvironment(environment),
    });
  const apps = await start(APPS_QUERY);
  const cards = await start(GPU_QUERY).catch(async (error: unknown) => {
    await apps.stop(GRACE_MS);
    throw error;
  });
  const processes = new ProcessLines(INTERVAL_MS);
  let appsEnded = false;
  let stopped = false;
  let said = '';
  void apps.exited.then(() => {
    appsEnded = true;
  });
  onLines(apps.stdout, (lines) => {
    for (const line of lines) {
      const app = parseAppLine(line);
      if (app !== undefined) processes.add(app);
    }
  });
  onLines(cards.stdout, (lines) => {
    for (const line of lines) {
      const found = parseGpuLine(line);
      if (found === undefined) {
        said = line.trim() === '' ? said : line.trim();
        continue;
      }
      const { card, at } = found;
      const told = appsEnded ? null : processes.at(card.uuid, at);
      listener.sample({
        at: Date.now(),
        source: 'nvidia-smi',
        cards: [{ ...card, processes: told }],
      });
    }
  });
  for (const child of [apps, cards]) {
    child.stdin.end();
    child.stderr.resume();
  }
  void cards.exited.then(async ({ code, signal }) => {
    await apps.stop(GRACE_MS);
    if (stopped) return;
    const how = said === '' ? `it ended with ${signal ?? `code ${code ?? 'unknown'}`}` : said;
    listener.failed(how);
  });
  return {
    kind: 'nvidia-smi',
    every: () => undefined,
    once: () => undefined,
    stop: async () => {
      stopped = true;
      await Promise.all([apps.stop(GRACE_MS), cards.stop(GRACE_MS)]);
    },
  };
}
