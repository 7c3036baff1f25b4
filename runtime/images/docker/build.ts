/**
 * Builds an image through the engine's classic builder: each engine serves it over plain HTTP, while BuildKit
 * wants a gRPC session beside the request.
 */
import { addAbortSignal, type Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { BuildListener } from '../../engines/engine';
import { VelarError } from '../../protocol/errors';
import { eachSecond } from '../eachSecond';
import { sizes, Transfer } from '../transfer';
import { BuildProgressReader } from './buildProgress';
import { DOCKERFILE, type BuildContext } from './context';
import { readEvents, type EngineFailure } from './dockerEvents';
import { engineWords } from './failures';
import type { RegistryCredentials } from './registryAuth';

export interface ImageBuild {
  docker: Docker;
  /** Its stream is destroyed at the end. */
  context: BuildContext;
  /** What each step of the Dockerfile does, for people. */
  titles: readonly (string | undefined)[];
  /** The second step is none of theirs: it marks the image as unfinished. */
  marked?: boolean;
  /** Given to the image only when all of it is built. */
  tag: string | undefined;
  labels: Readonly<Record<string, string>>;
  /** By registry, for what the Dockerfile itself names. */
  credentials: Readonly<Record<string, RegistryCredentials>>;
  /** Build arguments. */
  arguments: Readonly<Record<string, string>>;
  listener: BuildListener;
  signal: AbortSignal;
}

export type BuildResult =
  | { id: string }
  | {
      failure: EngineFailure;
      /** Index of the step that failed. */
      step: number;
      printed: string;
    };

/** Throws `cancelled`, and what the client throws. An abort ends the engine's build with the request. */
export async function buildImage(build: ImageBuild): Promise<BuildResult> {
  const { docker, context, listener, signal } = build;
  const reader = new BuildProgressReader(build.titles, build.marked);
  const unread = new Promise<never>((_, reject) => context.stream.once('error', reject));
  unread.catch(() => undefined);
  const sending = new Transfer(performance.now());
  const stop = eachSecond((atMs) => {
    const progress = sendingLine(context, sending, atMs) ?? reader.now(atMs);
    if (progress !== undefined) listener.progress(progress, 'build');
  });
  try {
    const request = docker.buildImage(context.stream, {
      version: '1',
      dockerfile: DOCKERFILE,
      ...(build.tag === undefined ? {} : { t: build.tag }),
      labels: { ...build.labels },
      registryconfig: { ...build.credentials },
      buildargs: { ...build.arguments },
      rm: true,
      forcerm: true,
      abortSignal: signal,
    });
    const response = (await Promise.race([request, unread])) as Readable;
    for await (const event of readEvents(addAbortSignal(signal, response))) {
      const news = reader.event(event, performance.now());
      if (news.output !== '') listener.output(news.output);
      if (news.progress !== undefined) listener.progress(news.progress, 'build');
    }
  } catch (error) {
    if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    const { statusCode } = error as { statusCode?: unknown };
    if (typeof statusCode !== 'number') throw error;
    const failure = { message: engineWords(error), code: undefined };
    return { failure, step: reader.step, printed: reader.printedByStep };
  } finally {
    stop();
    context.stream.destroy();
  }
  const { failure, imageId, step, printedByStep: printed } = reader;
  if (failure !== undefined) return { failure, step, printed };
  if (imageId === undefined) throw new Error('The engine ended the build without an image.');
  return { id: imageId };
}

/** Undefined once the engine has all of the files: it begins to build then. */
function sendingLine(
  { totalBytes, takenBytes }: BuildContext,
  sending: Transfer,
  atMs: number,
): string | undefined {
  if (takenBytes >= totalBytes) return undefined;
  sending.note(takenBytes, atMs);
  const speed = sending.speed(totalBytes - takenBytes, atMs);
  return ['sending files to the engine', sizes(takenBytes, totalBytes), ...speed].join(' · ');
}
