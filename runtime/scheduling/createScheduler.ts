/** Puts scheduling together on a home: cards, prices, the workers' socket, the engine. */
import { availableParallelism } from 'node:os';
import { MAX_WAIT_MS } from '../deployments/callLimits';
import { VersionImages } from '../deployments/versionImages';
import { ProcessEngine } from '../engines/process';
import { detectGpus } from '../gpu/detect';
import { loadPrices } from '../metering/prices';
import { systemClock } from './clock';
import { RunBook } from './runBook';
import { Scheduler } from './scheduler';
import type { SchedulerParts } from './schedulerParts';
import type { RunService } from './service';
import { WorkerLink } from './workerLink';

export type SchedulerOptions = Pick<
  SchedulerParts,
  'home' | 'store' | 'logger' | 'pythonPackages' | 'python' | 'environment'
> &
  Partial<Pick<SchedulerParts, 'clock' | 'cores' | 'engine' | 'gpus' | 'waitLimitMs'>>;

/** Starts scheduling. Throws `invalid` for a broken price list; Node's errors where the home can't be used. */
export async function createScheduler(options: SchedulerOptions): Promise<RunService> {
  const { home, store, environment, pythonPackages, logger } = options;
  const warn = (message: string): void => logger.warn(message);
  const [gpus, prices] = await Promise.all([
    options.gpus ?? detectGpus({ environment, python: options.python, pythonPackages }),
    loadPrices(home, pythonPackages),
  ]);
  const link = await WorkerLink.listen(home, warn);
  const engine =
    options.engine ??
    new ProcessEngine({
      home,
      pythonPackages,
      blobs: store.blobs.root,
      volumes: store.volumes,
      python: options.python,
      environment,
    });
  const clock = options.clock ?? systemClock;
  const runs = new RunBook(store, prices, clock, warn, engine.kind);
  const cores = options.cores ?? availableParallelism();
  const images = new VersionImages({ deployments: store.deployments, engine, warn });
  return new Scheduler({
    ...options,
    clock,
    waitLimitMs: options.waitLimitMs ?? MAX_WAIT_MS,
    cores,
    engine,
    link,
    gpus,
    prices,
    runs,
    images,
    warn,
  });
}
