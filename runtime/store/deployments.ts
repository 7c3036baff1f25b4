/** Versions of apps, what each environment serves, and the keys of endpoints. Few: all of it is in memory too. */
import * as z from 'zod';
import { VelarError } from '../protocol/errors';
import {
  endpointKeySchema,
  servedSchema,
  versionSchema,
  type DeployedApp,
  type EndpointKey,
  type Environment,
  type ImagePin,
  type Served,
  type Version,
  type VersionName,
} from '../protocol/deployments';
import type { Database } from './database';

interface KeptKey extends EndpointKey {
  /** SHA-256 of the key; the key itself is kept by whoever made it. */
  sha256: string;
}

/** One that an environment began to serve. */
export interface Move extends Served {
  app: string;
}

/** In the store also the end of what an environment served, with the version that it was. */
const changeSchema = servedSchema.extend({
  app: z.string(),
  action: z.enum([...servedSchema.shape.action.options, 'undeploy']),
});
type Change = z.infer<typeof changeSchema>;

export class DeploymentStore {
  private readonly versions = new Map<string, Version[]>();
  /** By app, oldest first. */
  private readonly changes = new Map<string, Change[]>();
  private readonly protectedApps: Set<string>;
  private readonly kept: Map<string, KeptKey>;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly database: Database) {
    for (const row of database.all('SELECT content FROM versions ORDER BY app, version')) {
      const version = versionSchema.parse(JSON.parse(String(row['content'])));
      push(this.versions, version.app, version);
    }
    for (const row of database.all('SELECT * FROM environment_moves ORDER BY rowid')) {
      const change = changeSchema.parse(row);
      push(this.changes, change.app, change);
    }
    const names = database.all('SELECT app FROM protected_apps').map((row) => String(row['app']));
    this.protectedApps = new Set(names);
    this.kept = new Map(
      database.all('SELECT * FROM endpoint_keys').map((row) => {
        const key = { ...endpointKeySchema.parse(row), sha256: String(row['sha256']) };
        return [key.id, key];
      }),
    );
  }

  apps(): DeployedApp[] {
    return [...this.versions.keys()].sort().map((app) => this.app(app));
  }

  /** Throws `not-found`. */
  app(app: string): DeployedApp {
    const versions = this.versions.get(app);
    if (versions === undefined) {
      throw new VelarError('not-found', `No version of the app ${app} was deployed here.`, {
        hint: appsText([...this.versions.keys()].sort()),
      });
    }
    const serves = (['staging', 'production'] as const).flatMap((environment) => {
      const served = this.move(app, environment);
      return served === undefined ? [] : [served];
    });
    return {
      app,
      protected: this.protectedApps.has(app),
      serves,
      versions: versions.toReversed(),
    };
  }

  /** Throws `not-found`. */
  version(app: string, version: number): Version {
    const found = this.app(app).versions.find((each) => each.version === version);
    if (found !== undefined) return found;
    throw new VelarError('not-found', `The app ${app} has no version ${version}.`, {
      hint: 'List its versions with `velar deployments`.',
    });
  }

  /** What an environment serves; undefined where it serves nothing. */
  served(app: string, environment: Environment): Version | undefined {
    const move = this.move(app, environment);
    return move === undefined ? undefined : this.version(app, move.version);
  }

  /** Moves of an environment, oldest first. */
  history(app: string, environment: Environment): Move[] {
    return (this.changes.get(app) ?? [])
      .filter((change) => change.environment === environment)
      .filter(isMove);
  }

  /** Number of the next version of an app. */
  next(app: string): number {
    return (this.versions.get(app)?.at(-1)?.version ?? 0) + 1;
  }

  /** Keeps a version, if it is new, and lets an environment serve it: both or neither. Throws `disk-full`. */
  serve(version: Version, move: Move): void {
    const isNew = version.version === this.next(version.app);
    this.database.together(() => {
      if (isNew) {
        this.database.run('INSERT INTO versions (app, version, content) VALUES (?, ?, ?)', [
          version.app,
          version.version,
          JSON.stringify(version),
        ]);
      }
      this.insert(move);
    });
    if (isNew) push(this.versions, version.app, version);
    push(this.changes, move.app, move);
    this.changed();
  }

  /** An environment serves nothing of the app from now on. Throws `disk-full`. */
  undeploy(end: Omit<Move, 'version' | 'action'>): void {
    const version = this.move(end.app, end.environment)?.version;
    if (version === undefined) return;
    const change: Change = { ...end, version, action: 'undeploy' };
    this.insert(change);
    push(this.changes, end.app, change);
    this.changed();
  }

  /** A function of a version stands on another build of its image from now on. Throws `not-found`. */
  repin({ app, version: number }: VersionName, qualname: string, pin: ImagePin): void {
    const version = this.version(app, number);
    const functions = version.functions.map((fn) =>
      fn.qualname === qualname ? { ...fn, pin } : fn,
    );
    const changed = { ...version, functions };
    this.database.run('UPDATE versions SET content = ? WHERE app = ? AND version = ?', [
      JSON.stringify(changed),
      app,
      number,
    ]);
    const versions = this.versions.get(app) ?? [];
    versions[versions.indexOf(version)] = changed;
    this.changed();
  }

  isProtected(app: string): boolean {
    return this.protectedApps.has(app);
  }

  /** Throws `not-found` for an app that is not there; one that was protected can be freed whatever became of it. */
  protect(app: string, on: boolean): void {
    if (on || !this.protectedApps.has(app)) this.app(app);
    if (on) this.database.run('INSERT OR IGNORE INTO protected_apps (app) VALUES (?)', [app]);
    else this.database.run('DELETE FROM protected_apps WHERE app = ?', [app]);
    if (on) this.protectedApps.add(app);
    else this.protectedApps.delete(app);
    this.changed();
  }

  keys(): readonly KeptKey[] {
    return [...this.kept.values()];
  }

  addKey(key: KeptKey): void {
    this.database.run(
      'INSERT INTO endpoint_keys (id, environment, name, sha256, at) VALUES (?, ?, ?, ?, ?)',
      [key.id, key.environment, key.name, key.sha256, key.at],
    );
    this.kept.set(key.id, key);
  }

  /** Throws `not-found`. */
  removeKey(id: string): void {
    if (!this.kept.delete(id)) {
      throw new VelarError('not-found', `There is no key ${id}.`, {
        hint: 'List the keys with `velar keys`.',
      });
    }
    this.database.run('DELETE FROM endpoint_keys WHERE id = ?', [id]);
  }

  /** Called after versions, or what environments serve, changed; returns the undo. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private insert({ app, environment, version, at, by, action }: Change): void {
    this.database.run(
      'INSERT INTO environment_moves (app, environment, version, at, by, action) VALUES (?, ?, ?, ?, ?, ?)',
      [app, environment, version, at, by, action],
    );
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  private move(app: string, environment: Environment): Move | undefined {
    const last = (this.changes.get(app) ?? []).findLast(
      (change) => change.environment === environment,
    );
    return last !== undefined && isMove(last) ? last : undefined;
  }
}

function isMove(change: Change): change is Change & Move {
  return change.action !== 'undeploy';
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function appsText(names: readonly string[]): string {
  if (names.length === 0) return 'No app was; deploy one with `velar deploy FILE`.';
  return `These were: ${names.join(', ')}. \`velar deployments\` says more of them.`;
}
