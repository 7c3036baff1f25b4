/** Brings versions into environments: a first container of each function has to come up before the switch. */
import type { FunctionDescription } from '../protocol/description';
import type { DeployedFunction, Environment, Version } from '../protocol/deployments';
import { VelarError } from '../protocol/errors';
import type { MethodParams } from '../protocol/methods';
import { newRunId } from '../protocol/runIds';
import type { ResultValue, RunError } from '../protocol/values';
import { Call, type CallSink } from '../scheduling/call';
import { imageNote } from '../scheduling/callers';
import type { Clock } from '../scheduling/clock';
import type { Described } from '../scheduling/describe';
import { infrastructureError } from '../scheduling/platformErrors';
import type { Run, RunParams } from '../scheduling/run';
import { showRetry, showRunning, showStage, showWorkerPhase } from '../scheduling/runPhases';
import { readinessOf, type Target } from '../scheduling/target';
import type { TargetResult } from '../scheduling/targets';
import type { DeploymentStore, Move } from '../store/deployments';

export interface DeployerOptions {
  deployments: DeploymentStore;
  clock: Clock;
  /** Where containers are, for the reason that provisioning is skipped. */
  place: string;
  begin: (params: RunParams) => Run;
  end: (run: Run, end: { result: ResultValue } | { error: RunError }) => void;
  apps: (bundle: string, file: string) => Promise<Described>;
  resolve: (run: Run, qualname: string, app: string) => TargetResult | Promise<TargetResult>;
  submit: (calls: readonly Call[]) => void;
  newCallId: () => number;
}

type Failed = { error: RunError };

/** What a version is made of before it has a number. */
type Draft = Omit<Version, 'version'>;

export class Deployer {
  constructor(private readonly options: DeployerOptions) {}

  /** Starts a run that deploys. Throws `conflict` where production is protected. */
  create(params: MethodParams<'deployment.create'>, by: string): void {
    const { run: id, bundle, file, app, environment, commit, cpu } = params;
    const { deployments, clock } = this.options;
    if (app !== undefined) this.checkProtection(app, environment);
    this.start({ id, bundle, file, cpu, environment, what: `deploy to ${environment}` }, (run) =>
      this.whenReady(run, app, environment, (found, functions) => {
        this.checkProtection(found, environment);
        const at = clock.now();
        const draft: Draft = { app: found, bundle, file, functions, cpu, at, by, commit };
        const version = { ...draft, version: deployments.next(found) };
        const { version: number } = version;
        deployments.serve(version, {
          app: found,
          environment,
          version: number,
          at,
          by,
          action: 'deploy',
        });
        return version;
      }),
    );
  }

  /** Starts a run that promotes or rolls back. Throws `not-found`, `conflict`. */
  move(params: MethodParams<'deployment.move'>, by: string): void {
    const { run: id, app, environment, version: number, action } = params;
    const { deployments, clock } = this.options;
    const version = deployments.version(app, number);
    this.checkMove(version, environment, action);
    const { bundle, file, cpu } = version;
    const what = action === 'promote' ? 'promote to production' : `roll back ${environment}`;
    this.start({ id, bundle, file, cpu, environment, what }, (run) =>
      this.whenReady(run, app, undefined, () => {
        const at = clock.now();
        deployments.serve(version, { app, environment, version: number, at, by, action });
        return version;
      }),
    );
  }

  /** Brings up again what served versions keep warm, as after a start of the runtime. */
  keepServing(): void {
    const { deployments } = this.options;
    for (const { app, serves } of deployments.apps()) {
      for (const { environment, version: number } of serves) {
        const version = deployments.version(app, number);
        if (!version.functions.some(({ options }) => options.minContainers > 0)) continue;
        const { bundle, file, cpu } = version;
        const what = `serve ${environment} again`;
        this.start({ id: newRunId(), bundle, file, cpu, environment, what }, (run) =>
          this.whenReady(run, app, undefined, () => version),
        );
      }
    }
  }

  private checkProtection(app: string, environment: Environment): void {
    if (environment !== 'production' || !this.options.deployments.isProtected(app)) return;
    throw new VelarError('conflict', `Production of ${app} takes promoted versions only.`, {
      hint: 'Deploy to staging, try it, then promote it.',
    });
  }

  private checkMove(version: Version, environment: Environment, action: Move['action']): void {
    const { deployments } = this.options;
    const { app, version: number } = version;
    const had = (where: Environment): boolean =>
      deployments.history(app, where).some((move) => move.version === number);
    if (action === 'promote') {
      if (environment !== 'production') {
        throw new VelarError('invalid', 'Versions are promoted to production.');
      }
      if (!had('staging')) {
        throw new VelarError('conflict', `Version ${number} of ${app} was never in staging.`, {
          hint: 'Deploy it to staging and try it there first.',
        });
      }
    } else if (!had(environment)) {
      throw new VelarError('conflict', `${environment} of ${app} never served version ${number}.`, {
        hint: 'List what it served with `velar deployments`.',
      });
    }
    if (deployments.served(app, environment)?.version === number) {
      throw new VelarError(
        'conflict',
        `${environment} of ${app} serves version ${number} already.`,
      );
    }
  }

  private start(
    given: Pick<RunParams, 'bundle' | 'file' | 'cpu'> & {
      id: string;
      environment: Environment;
      what: string;
    },
    work: (run: Run) => Promise<{ result: ResultValue } | Failed>,
  ): void {
    const { id, what, ...params } = given;
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
    work(run).then(
      (end) => this.options.end(run, end),
      (error: unknown) => this.options.end(run, { error: failureOf(error) }),
    );
  }

  /** Calls `serve` once all functions of the app have come up and nobody has cancelled. */
  private async whenReady(
    run: Run,
    app: string | undefined,
    /** Checked for before anything comes up. */
    guarded: Environment | undefined,
    serve: (app: string, functions: DeployedFunction[]) => Version,
  ): Promise<{ result: ResultValue } | Failed> {
    const { bundle, file, environment } = run.params;
    const described = await this.options.apps(bundle, file);
    if ('error' in described) return described;
    const chosen = chooseApp(described.apps, app, file);
    if ('error' in chosen) return chosen;
    const { name } = chosen;
    run.app = name;
    if (guarded !== undefined) this.checkProtection(name, guarded);
    const targets: Target[] = [];
    for (const { qualname } of chosen.functions) {
      const resolved = await this.options.resolve(run, qualname, name);
      if ('error' in resolved) return resolved;
      targets.push(resolved.target);
    }
    // Functions with the same code, image and cards come up in the same container.
    const groups = new Map(targets.map((target) => [target.groupKey, target]));
    for (const target of targets) {
      if (target.function.options.minContainers > 0) groups.set(target.groupKey, target);
    }
    const errors = await Promise.all([...groups.values()].map((target) => this.check(run, target)));
    const error = errors.find((each) => each !== undefined);
    if (error !== undefined) return { error };
    if (!run.active) return { error: cancelled() };
    const { version } = serve(name, targets.map(deployed));
    return { result: { value: { app: name, version, environment: environment ?? '' } } };
  }

  /** Resolves with what went wrong, or undefined once a container of the target has taken a call that does nothing. */
  private check(run: Run, target: Target): Promise<RunError | undefined> {
    const { place, newCallId, submit } = this.options;
    const who = target.function.qualname;
    return new Promise((resolve) => {
      const done = (error: RunError | undefined): void => {
        run.calls.delete(call);
        resolve(error);
      };
      const sink: CallSink = {
        waiting: (why) => run.advance((timeline) => timeline.progress(`${who}: ${why}`)),
        stage: (stage) => showStage(run, stage, who),
        dispatched: () => showRunning(run, place, imageNote(target), 'checking'),
        phase: (message) => showWorkerPhase(run, message),
        item: () => undefined,
        retrying: (attempt, error) => showRetry(run, who, attempt, error),
        succeeded: () => done(undefined),
        failed: done,
      };
      const body = Buffer.from(JSON.stringify({ args: [], kwargs: {} }));
      const input = { format: 'json' as const, body, instance: false };
      const ready = readinessOf(target);
      const call = new Call(newCallId(), run, ready, input, 'mime', false, false, sink);
      run.calls.add(call);
      run.hide(target.hidden);
      submit([call]);
    });
  }
}

function chooseApp(
  apps: readonly { name: string; functions: readonly FunctionDescription[] }[],
  wanted: string | undefined,
  file: string,
): { name: string; functions: FunctionDescription[] } | Failed {
  const deployable = apps.flatMap(({ name, functions }) => {
    const own = functions.filter(({ kind }) => kind !== 'local_entrypoint' && kind !== 'cls');
    return own.length === 0 ? [] : [{ name, functions: own }];
  });
  const named = wanted === undefined ? deployable : deployable.filter((app) => app.name === wanted);
  const [only, ...others] = named;
  if (only !== undefined && others.length === 0) return only;
  const names = deployable.map(({ name }) => name).join(', ');
  return {
    error: {
      kind: 'user',
      type: only === undefined ? 'NothingToDeploy' : 'SeveralApps',
      message:
        only === undefined
          ? `${file} declares no function ${wanted === undefined ? '' : `of an app ${wanted} `}to deploy.`
          : `${file} declares several apps: ${names}.`,
      traceback: [],
      hint:
        only === undefined
          ? 'Decorate one with @app.function() or @app.endpoint().'
          : 'Name the one to deploy with --app.',
    },
  };
}

function deployed({ function: found, image }: Target): DeployedFunction {
  const { secrets, ...options } = found.options;
  const names = secrets.map(({ name, values }) => name ?? Object.keys(values ?? {}).join(', '));
  return { ...found, options: { ...options, secrets: names }, imageKey: image.key };
}

/** What the person asked for can't be, or the platform failed. */
function failureOf(error: unknown): RunError {
  const failure = infrastructureError(error, 'Deploy');
  const refused = error instanceof VelarError && error.code === 'conflict';
  return refused ? { ...failure, kind: 'user', type: 'Refused' } : failure;
}

function cancelled(): RunError {
  return { kind: 'cancelled', type: 'Cancelled', message: 'Cancelled.', traceback: [] };
}
