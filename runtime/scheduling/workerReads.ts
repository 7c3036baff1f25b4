/** What a worker can read before it loads, and how its answers to many calls are read. */
import type { PlacedContainer } from '../engines/engine';
import type { RunError } from '../protocol/values';
import type { WorkerMessage } from '../protocol/workerMessages';
import { infrastructureError, unexplained } from './platformErrors';

/** Calls back once the container's worker can read the bundle, at once where it can; with what is wrong where it never will. */
export function whenReadable(
  placed: PlacedContainer | undefined,
  bundle: string,
  done: (error?: RunError) => void,
): void {
  const brought = placed?.bring?.(bundle);
  if (brought === undefined) done();
  else {
    brought.then(
      () => done(),
      (error: unknown) => done(infrastructureError(error, 'BundleFiles')),
    );
  }
}

type Results = Extract<WorkerMessage, { type: 'results' }>;

const UNEXPLAINED = unexplained();

interface ResultItem {
  item: Results['items'][number];
  peak: number | undefined;
  data: Buffer;
  /** Of one that is not ok. */
  error: RunError;
}

/** The answers that came as one message, each with its own part of the body. */
export function* resultItems({ items }: Results, body: Buffer): Generator<ResultItem> {
  let offset = 0;
  for (const item of items) {
    const data = body.subarray(offset, offset + item.size);
    yield { item, peak: item.peakBytes, data, error: item.error ?? UNEXPLAINED };
    offset += item.size;
  }
}
