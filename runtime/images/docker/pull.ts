/** Pulls an image through the engine, with progress. */
import { addAbortSignal, type Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { BuildListener } from '../../engines/engine';
import type { ImagePlace } from '../../protocol/description';
import { VelarError } from '../../protocol/errors';
import { ImageBuildError } from '../buildError';
import { eachSecond } from '../eachSecond';
import { failureOf, readEvents } from './dockerEvents';
import { engineWords, pullFailure } from './failures';
import { PullProgressReader } from './pullProgress';
import { registryOf } from './references';
import { registryCredentials } from './registryAuth';

/** The engine tells each layer's bytes ten times a second; people read slower. */
const PROGRESS_EVERY_MS = 200;

export interface Pull {
  docker: Docker;
  reference: string;
  /** The line that names the image. */
  place: ImagePlace | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  listener: BuildListener;
  signal: AbortSignal;
}

/** Resolves when the engine has the image. Throws ImageBuildError, `cancelled`, and what the client throws. */
export async function pullImage(pull: Pull): Promise<void> {
  const { docker, reference, listener, signal } = pull;
  listener.progress(`pulling ${reference}`, 'pull');
  const authconfig = await registryCredentials(registryOf(reference), pull.environment);
  const fail = (said: string): ImageBuildError =>
    new ImageBuildError(pullFailure(reference, said, authconfig !== undefined, pull.place));
  const reader = new PullProgressReader(reference, performance.now());
  let told = 0;
  const tell = (progress: string, atMs: number): void => {
    told = atMs;
    listener.progress(progress, 'pull');
  };
  // Of a pull that stands still no event comes.
  const stop = eachSecond((atMs) => tell(reader.line(atMs), atMs));
  try {
    const response = (await docker.pull(reference, {
      ...(authconfig === undefined ? {} : { authconfig }),
      abortSignal: signal,
    })) as Readable;
    for await (const event of readEvents(addAbortSignal(signal, response))) {
      const failure = failureOf(event);
      if (failure !== undefined) throw fail(failure.message);
      const now = performance.now();
      const progress = reader.event(event, now);
      if (progress !== undefined && now - told >= PROGRESS_EVERY_MS) {
        tell(progress, now);
      } else if (event.id === undefined && event.status !== undefined) {
        listener.output(`${event.status}\n`);
      }
    }
  } catch (error) {
    if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    // An answer of the engine; anything else is a failure to talk to it.
    const { statusCode } = error as { statusCode?: unknown };
    throw typeof statusCode === 'number' ? fail(engineWords(error)) : error;
  } finally {
    stop();
  }
}
