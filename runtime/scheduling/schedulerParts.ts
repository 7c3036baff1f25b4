/** What scheduling is put together from. Types only. */
import type { VersionImages } from '../deployments/versionImages';
import type { Engine } from '../engines/engine';
import type { GpuInventory } from '../gpu/detect';
import type { PythonInterpreter } from '../images/python';
import type { PriceTable } from '../metering/prices';
import type { Store } from '../store/store';
import type { Clock } from './clock';
import type { RunBook } from './runBook';
import type { WorkerLink } from './workerLink';

export interface SchedulerParts {
  /** VELAR_HOME. */
  home: string;
  store: Store;
  logger: Record<'info' | 'warn', (message: string) => void>;
  /** Folder that holds the packages `velar` and `velar_worker`. */
  pythonPackages: string;
  /** This machine's Python; rejects with `python-missing`. */
  python: () => Promise<PythonInterpreter>;
  /** Environment of the runtime; functions see only where programs and files lie. */
  environment: Readonly<Record<string, string | undefined>>;
  /** CPU functions have as many containers each, where they don't say. */
  cores: number;
  clock: Clock;
  /** How long a call over HTTP may stand in line, in ms. */
  waitLimitMs: number;
  engine: Engine;
  link: WorkerLink;
  gpus: GpuInventory;
  prices: PriceTable;
  runs: RunBook;
  images: VersionImages;
  warn: (message: string) => void;
}
