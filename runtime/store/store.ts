/** Everything of the runtime that lies on disk, opened together. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { VelarError } from '../protocol/errors';
import type { RunSummary } from '../protocol/methods';
import { BlobStore } from './blobs';
import { BundleStore, DEFAULT_BUNDLE_LIMITS } from './bundles';
import { BundleUses } from './bundleUses';
import { Database } from './database';
import { DeploymentStore } from './deployments';
import { DeviceStore } from './devices';
import { FailedInputStore } from './failedInputs';
import { KEPT_RESULT_MS } from '../deployments/callLimits';
import { KeptCallStore } from './keptCalls';
import { PhaseTimeStore } from './phaseTimes';
import { RunFrames } from './runFrames';
import { RunJournal } from './runJournal';
import { RunStore } from './runs';
import { importPlainSecrets, SecretStore, type SecretsImport } from './secrets';
import { UsageStore } from './usage';
import { VolumeStore } from './volumes';

export interface Store {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly bundles: BundleStore;
  readonly bundleUses: BundleUses;
  readonly frames: RunFrames;
  readonly failedInputs: FailedInputStore;
  readonly runs: RunStore;
  readonly deployments: DeploymentStore;
  readonly keptCalls: KeptCallStore;
  readonly devices: DeviceStore;
  readonly volumes: VolumeStore;
  readonly secrets: SecretStore;
  readonly phaseTimes: PhaseTimeStore;
  readonly usage: UsageStore;
  /** Identity of this runtime, made on first start. */
  readonly runtimeId: string;
  /** Runs that an earlier runtime left active and that are failed now. */
  readonly interrupted: readonly RunSummary[];
  /** What became of a file of plain secrets, where there was one. */
  readonly importedSecrets: SecretsImport | undefined;
  /** Folder of the folders of runs. */
  readonly runsFolder: string;
  /** Folder of a run: its journal and whatever else it keeps. */
  runFolder(run: string): string;
  /** Journal of an existing run. */
  journal(run: string): RunJournal;
  /** Journal of a run that has just been made. */
  newJournal(run: string): RunJournal;
  close(): void;
}

/** Opens the store under `home`. Call it only while holding the home's lock. Throws as Database.open does. */
export function openStore(home: string, onError: (error: VelarError) => void): Store {
  const database = Database.open(join(home, 'velar.db'), onError);
  const blobs = BlobStore.open(join(home, 'blobs'));
  const runs = new RunStore(database);
  const bundleUses = new BundleUses(database);
  const secrets = new SecretStore(database, join(home, 'secrets.key'));
  const runFolder = (run: string): string => join(home, 'runs', run);
  return {
    database,
    blobs,
    bundles: new BundleStore(blobs, DEFAULT_BUNDLE_LIMITS, (bundle) => bundleUses.used(bundle)),
    bundleUses,
    frames: new RunFrames(runFolder),
    failedInputs: new FailedInputStore(runFolder, onError),
    runs,
    deployments: new DeploymentStore(database),
    keptCalls: new KeptCallStore(database, Date.now() + KEPT_RESULT_MS),
    devices: new DeviceStore(database),
    secrets,
    phaseTimes: new PhaseTimeStore(database),
    usage: new UsageStore(database),
    volumes: new VolumeStore(join(home, 'volumes')),
    runtimeId: runtimeId(database),
    interrupted: runs.failInterrupted(Date.now()),
    importedSecrets: importPlainSecrets(secrets, join(home, 'secrets.json')),
    runsFolder: join(home, 'runs'),
    runFolder,
    journal: (run) => RunJournal.open(runFolder(run)),
    newJournal: (run) => RunJournal.create(runFolder(run)),
    close: () => {
      database.close();
    },
  };
}

function runtimeId(database: Database): string {
  const known = database.all("SELECT value FROM facts WHERE name = 'runtime-id'")[0]?.['value'];
  if (typeof known === 'string') return known;
  const made = `rt-${randomBytes(8).toString('hex')}`;
  database.run("INSERT INTO facts (name, value) VALUES ('runtime-id', ?)", [made]);
  return made;
}
