/** Brings versions into environments: a first container of each function has to come up before the switch. */
import type { DeployedFunction, Environment, Version, VersionName } from '../protocol/deployments';
import { VelarError } from '../protocol/errors';
import type { MethodParams } from '../protocol/methods';
import { newRunId } from '../protocol/runIds';
import type { ResultValue, RunError } from '../protocol/values';
import type { Clock } from '../scheduling/clock';
import type { Described } from '../scheduling/describe';
import { infrastructureError } from '../scheduling/platformErrors';
import type { Run, RunParams } from '../scheduling/run';
import type { Bringing } from '../scheduling/keptWarm';
import { ownerOf, type Target } from '../scheduling/target';
import type { TargetResult } from '../scheduling/targets';
import type { DeploymentStore } from '../store/deployments';
import { chooseApp, deployedFrom, type Chosen } from './chosenApp';
import { checkDeploy, checkMove, checkServed, checkUndeploy } from './moveRules';
import { MoveTurns } from './moveTurns';
import { comeUp, type ReadinessOptions } from './readiness';
import { setApart, type ApartOptions } from './stagingApart';
import type { VersionImages } from './versionImages';

export interface DeployerOptions extends ReadinessOptions, ApartOptions {
  deployments: DeploymentStore;
  images: Pick<VersionImages, 'repinAll'>;
  clock: Clock;
  begin: (params: RunParams) => Run;
  end: (run: Run, end: { result: ResultValue } | { error: RunError }) => void;
  apps: (bundle: string, file: string) => Promise<Described>;
  resolve: (run: Run, qualname: string, app: string) => TargetResult | Promise<TargetResult>;
  /** Brings containers up beside those of the version that is served. */
  bring: (targets: readonly Target[]) => Bringing;
  /** What the owner's environment serves from now on. */
  keep: (owner: string, targets: readonly Target[]) => void;
  /** It serves nothing from now on. */
  withdraw: (owner: string) => void;
}

type Failed = { error: RunError };

/** What a run that changes an environment is started with. */
interface Given extends Pick<RunParams, 'bundle' | 'file' | 'cpu'> {
  id: string;
  environment: Environment;
  /** Where one exists already. */
  version?: VersionName;
  what: string;
  by: string;
}

interface Change {
  /** Throws where it may not be, before anything comes up and again before the switch. */
  check: (app: string) => void;
  /** The switch; gives the version that is served from then on. */
  serve: (app: string, functions: DeployedFunction[]) => number;
}

/** What a version is made of before it has a number. */
type Draft = Omit<Version, 'version'>;

export class Deployer {
  private readonly turns = new MoveTurns();

  constructor(private readonly options: DeployerOptions) {}

  /** Starts a run that deploys. Throws `conflict` where production is protected. */
  create(params: MethodParams<'deployment.create'>, by: string): void {
    const { run: id, bundle, file, app, environment, commit, cpu } = params;
    const { deployments, clock } = this.options;
    if (app !== undefined) checkDeploy(deployments, app, environment);
    this.start({ id, bundle, file, cpu, environment, what: `deploy to ${environment}`, by }, app, {
      check: (found) => checkDeploy(deployments, found, environment),
      serve: (found, functions) => {
        const at = clock.now();
        const number = deployments.next(found);
        const draft: Draft = { app: found, bundle, file, functions, cpu, at, by, commit };
        const move = {
          app: found,
          environment,
          version: number,
          at,
          by,
          action: 'deploy' as const,
        };
        deployments.serve({ ...draft, version: number }, move);
        return number;
      },
    });
  }

  /** Starts a run that promotes or rolls back. Throws `not-found`, `conflict`. */
  move(params: MethodParams<'deployment.move'>, by: string): void {
    const { run: id, app, environment, version: number, action } = params;
    const { deployments, images, clock } = this.options;
    const version = deployments.version(app, number);
    checkMove(deployments, version, environment, action);
    // What a change that is still going on leaves to be served is not known yet.
    if (this.turns.going(ownerOf(app, environment)) === undefined) {
      checkServed(deployments, version, environment);
    }
    const { bundle, file, cpu } = version;
    const what = action === 'promote' ? 'promote to production' : `roll back ${environment}`;
    this.start({ id, bundle, file, cpu, environment, version, what, by }, app, {
      check: () => {
        checkMove(deployments, version, environment, action);
        checkServed(deployments, version, environment);
      },
      serve: (_, functions) => {
        images.repinAll(version, functions);
        const at = clock.now();
        deployments.serve(version, { app, environment, version: number, at, by, action });
        return number;
      },
    });
  }

  /** Takes an app out of an environment. Throws `not-found`, `conflict`. */
  undeploy({ app, environment }: MethodParams<'deployment.undeploy'>, by: string): void {
    const { deployments, clock, withdraw } = this.options;
    const owner = ownerOf(app, environment);
    if (deployments.app(app).serves.every((each) => each.environment !== environment)) {
      throw new VelarError('not-found', `${app} is not deployed to ${environment}.`, {
        hint: 'List what is with `velar deployments`.',
      });
    }
    checkUndeploy(deployments, app, environment);
    const going = this.turns.going(owner);
    if (going !== undefined) {
      throw new VelarError('conflict', `${environment} of ${app} is being changed: ${going}.`, {
        hint: 'Wait for its end, or cancel it first.',
      });
    }
    deployments.undeploy({ app, environment, at: clock.now(), by });
    withdraw(owner);
  }

  /** Brings up again what served versions keep warm, as after a start of the runtime. */
  keepServing(): void {
    const { deployments, images } = this.options;
    for (const { app, serves } of deployments.apps()) {
      for (const { environment, version: number } of serves) {
        const version = deployments.version(app, number);
        const { bundle, file, cpu } = version;
        if (!version.functions.some(({ options }) => options.minContainers > 0)) continue;
        const given = { id: newRunId(), bundle, file, cpu, environment, version };
        const what = `serve ${environment} again`;
        this.start({ ...given, what, by: 'the runtime' }, app, {
          check: () => undefined,
          serve: (_, functions) => {
            images.repinAll(version, functions);
            return number;
          },
        });
      }
    }
  }

  private start(given: Given, app: string | undefined, change: Change): void {
    const { id, what, by: _by, ...params } = given;
    const run = this.options.begin({
      ...params,
      run: id,
      qualname: what,
      kind: 'endpoint',
      arguments: { args: [], kwargs: {} },
    });
    run.advance((timeline, at) => [
      ...timeline.enter('queued', at),
      ...timeline.progress(`reading ${params.file}`),
    ]);
    this.work(run, given, app, change).then(
      (end) => this.options.end(run, end),
      (error: unknown) => this.options.end(run, { error: failureOf(error) }),
    );
  }

  /** Changes what an app serves, in turn with others who do. */
  private async work(
    run: Run,
    given: Given,
    app: string | undefined,
    change: Change,
  ): Promise<{ result: ResultValue } | Failed> {
    const gone = endOf(run);
    const inTurn = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      const over = await this.turn(run, given, name, gone);
      try {
        return await work();
      } finally {
        over();
      }
    };
    // Where the app is known its turn is that in which it was asked for, however long reading the code takes.
    if (app !== undefined) {
      return inTurn(app, async () => {
        const chosen = await this.read(given, app);
        return 'error' in chosen ? chosen : this.whenReady(run, given.environment, chosen, change);
      });
    }
    const chosen = await this.read(given, app);
    if ('error' in chosen) return chosen;
    return inTurn(chosen.name, () => this.whenReady(run, given.environment, chosen, change));
  }

  private turn(run: Run, given: Given, app: string, gone: AbortSignal): Promise<() => void> {
    const { environment, id, what, by } = given;
    const told = `${what} by ${by}, run ${id}`;
    return this.turns.take(ownerOf(app, environment), told, gone, (before) => {
      const why = `waiting for another change of ${environment} of ${app} to end: ${before}`;
      run.advance((timeline) => timeline.progress(why));
    });
  }

  private async read({ bundle, file }: Given, app: string | undefined): Promise<Chosen | Failed> {
    const described = await this.options.apps(bundle, file);
    return 'error' in described ? described : chooseApp(described.apps, app, file);
  }

  /** Lets the environment serve it once all functions of the app have come up and nobody has cancelled. */
  private async whenReady(
    run: Run,
    environment: Environment,
    { name, functions, classes }: Chosen,
    change: Change,
  ): Promise<{ result: ResultValue } | Failed> {
    run.app = name;
    change.check(name);
    if (environment === 'staging') await setApart(run, functions, this.options);
    const targets: Target[] = [];
    for (const { qualname } of functions) {
      const resolved = await this.options.resolve(run, qualname, name);
      if ('error' in resolved) return resolved;
      targets.push(resolved.target);
    }
    if (!run.active) return { error: cancelled() };
    const bringing = this.options.bring(targets);
    try {
      const error = await comeUp(run, targets, bringing, endOf(run), this.options);
      if (error !== undefined) return { error };
      const deployed = await Promise.all(targets.map((target) => deployedFrom(target, classes)));
      if (!run.active) return { error: cancelled() };
      // While it came up, production may have been protected.
      change.check(name);
      const version = change.serve(name, deployed);
      this.options.keep(ownerOf(name, environment), targets);
      return { result: { value: { app: name, version, environment } } };
    } finally {
      bringing.over();
    }
  }
}

/** What the person asked for can't be, or the platform failed. */
function failureOf(error: unknown): RunError {
  const failure = infrastructureError(error, 'Deploy');
  const refused = error instanceof VelarError && error.code === 'conflict';
  return refused ? { ...failure, kind: 'user', type: 'Refused' } : failure;
}

/** Aborted when the run ends, as where somebody cancels it. */
function endOf(run: Run): AbortSignal {
  const ended = new AbortController();
  run.listen((events) => {
    if (events.some(({ type }) => type === 'ended')) ended.abort();
  });
  return ended.signal;
}

function cancelled(): RunError {
  return { kind: 'cancelled', type: 'Cancelled', message: 'Cancelled.', traceback: [] };
}
