/** Brings a container up: image, process, hello. Each step is told as a stage; each failure is a run error. */
import { VelarError } from '../protocol/errors';
import type { RunError } from '../protocol/values';
import type {
  ContainerSpec,
  Engine,
  EngineImage,
  ImageWork,
  PlacedContainer,
} from '../engines/engine';
import { ImageBuildError } from '../images/buildError';
import type { Stage } from './call';
import type { Clock } from './clock';
import type { Container } from './container';
import { diedBeforeHello, infrastructureError } from './platformErrors';
import { imageWay } from './phaseHistory';
import type { WorkerLink } from './workerLink';

/** A start that nobody wants any more is waited for this long, so that it can be ended in order; in ms. */
const ABANDON_AFTER_MS = 5000;

export interface BringUp {
  container: Container;
  /** Its cards are all that the machine has. */
  everyCard: boolean;
  engine: Engine;
  link: WorkerLink;
  clock: Clock;
  signal: AbortSignal;
  stage(stage: Stage): void;
  /** The image is there; `built`: for this start. */
  imageReady(built: boolean): void;
  /** What the image's builder prints. */
  output(text: string): void;
  /** For what nobody waits for any more. */
  warn(message: string): void;
}

/** A start that failed, as those who wait for it are told. */
export class StartError extends Error {
  override readonly name = 'StartError';
  constructor(
    readonly runError: RunError,
    /** Another start may work: the container died, nothing was wrong with what was asked. */
    readonly retriable: boolean,
  ) {
    super(runError.message);
  }
}

/** Resolves when the worker has said hello and the container holds its socket. Throws StartError, `cancelled`. */
export async function bringUp(start: BringUp): Promise<void> {
  const { container, engine, link, signal } = start;
  const { origin } = container;
  start.stage({ phase: 'provisioning', skipped: engine.place });
  await ensureImage(origin.image, start);
  const expected = link.expect(container.id);
  const abort = (): void => expected.giveUp();
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) throw new VelarError('cancelled', 'Cancelled.');
    const device = origin.onCpuInstead ? ', on CPU' : '';
    start.stage({ phase: 'container', detail: `starting${device}`, way: 'cold' });
    container.placed = await place(start, {
      container: container.id,
      app: origin.app,
      pool: origin.poolKey,
      image: origin.image,
      gpus: container.gpus,
      everyCard: start.everyCard,
      device: origin.device,
      link: { address: link.address, token: expected.token },
    });
    start.stage({ phase: 'container', detail: `starting Python${device}` });
    const died = container.placed.exited.then((exit): never => {
      throw new StartError(diedBeforeHello(exit), true);
    });
    died.catch(() => undefined);
    const connection = await Promise.race([expected.connected, died]);
    const { python } = connection.hello;
    start.stage({
      phase: 'container',
      done: origin.onCpuInstead ? `Python ${python}, on CPU` : `Python ${python}`,
    });
    container.attach(connection);
  } catch (error) {
    throw asStartError(error);
  } finally {
    signal.removeEventListener('abort', abort);
    expected.giveUp();
  }
}

/** Rejects with `cancelled` where the engine hangs; what it places after that is ended at once. */
async function place(start: BringUp, spec: ContainerSpec): Promise<PlacedContainer> {
  const { engine, clock, signal } = start;
  const starting = engine.start(spec);
  let undo = (): void => undefined;
  const abandoned = new Promise<undefined>((resolve) => {
    const abort = (): void => {
      undo = clock.timer(ABANDON_AFTER_MS, () => resolve(undefined));
    };
    signal.addEventListener('abort', abort, { once: true });
    undo = () => signal.removeEventListener('abort', abort);
  });
  try {
    const placed = await Promise.race([starting, abandoned]);
    if (placed !== undefined) return placed;
    starting
      .then((late) => late.stop(0))
      .catch((error: unknown) => start.warn(`A start that was given up: ${String(error)}`));
    throw new VelarError('cancelled', 'The engine did not start the container in time.');
  } finally {
    undo();
  }
}

/** Has the image ready, telling of it as the stage `image`. Throws StartError, `cancelled`. */
export async function ensureImage(
  image: EngineImage,
  start: Pick<BringUp, 'signal' | 'stage' | 'output' | 'imageReady'>,
): Promise<void> {
  try {
    const works = new Set<ImageWork>();
    const { cached, pulled } = await image.ensure(
      {
        progress: (detail, work) => {
          works.add(work);
          start.stage({ phase: 'image', detail, way: imageWay(works) });
        },
        output: (text) => start.output(text),
      },
      start.signal,
    );
    if (cached && works.size === 0) start.stage({ phase: 'image', skipped: 'image cached' });
    else
      start.stage({ phase: 'image', done: cached ? 'image cached' : pulled ? 'pulled' : 'built' });
    start.imageReady(!cached && pulled !== true);
  } catch (error) {
    throw error instanceof ImageBuildError
      ? new StartError(error.runError, false)
      : asStartError(error);
  }
}

/** Passes `cancelled` through, so that a start that nobody waits for ends quietly. */
function asStartError(error: unknown): Error {
  if (error instanceof StartError) return error;
  const failure = VelarError.from(error);
  if (failure.code === 'cancelled') return failure;
  return new StartError(infrastructureError(failure, 'ContainerStart'), false);
}
