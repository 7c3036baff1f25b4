/** Calls both environments in turn with the same inputs and keeps what they gave. */
import type { DeployedApp, Environment, Version } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import type { TryComparison } from '../../../runtime/protocol/tryState';
import { startDeployedCall } from '../../client/deploy';
import type { ClientConnection } from '../../client/api';
import { findCallable } from './callable';
import { addUp, callOrder, sampleOf, type CallSample } from './compare/comparison';
import {
  collectCall,
  inputsLabel,
  namesNotTaken,
  type CollectedCall,
  type Inputs,
} from './tryForm';
import { servedVersion } from './served';

type Ready = Extract<CollectedCall, { ok: true }>;

export interface CompareRequest {
  readonly connection: ClientConnection;
  /** What is deployed, as listed just now. */
  readonly apps: readonly DeployedApp[];
  readonly app: string;
  readonly qualname: string;
  readonly inputs: Inputs;
  /** Of each environment. */
  readonly calls: number;
  readonly signal: AbortSignal;
}

/** What each environment is called with. */
interface Plan {
  readonly versions: Record<Environment, number>;
  readonly calls: Record<Environment, Ready>;
  readonly notes: string[];
}

export class TryComparer {
  private readonly samples: CallSample[] = [];
  private readonly plan: Plan;
  private status: TryComparison['status'] = 'active';
  private problem: TryComparison['problem'] = null;

  /** Throws `not-found` or `invalid` where the two can't be called alike. */
  constructor(
    private readonly request: CompareRequest,
    private tolerance: number,
    private readonly changed: () => void,
  ) {
    this.plan = planOf(request);
  }

  get view(): TryComparison {
    const { status, tolerance, problem, plan } = this;
    return {
      status,
      tolerance,
      problem,
      calls: this.request.calls,
      of: `${this.request.qualname}(${inputsLabel(this.request.inputs)})`,
      notes: plan.notes,
      ...addUp(this.samples, plan.versions, tolerance),
    };
  }

  setTolerance(tolerance: number): void {
    this.tolerance = tolerance;
  }

  /** Ends when all calls have been made, or the signal says so. Never rejects: the view tells. */
  async run(): Promise<void> {
    try {
      for (const environment of callOrder(this.request.calls)) {
        const record = await this.call(environment);
        if (this.request.signal.aborted) {
          this.status = 'cancelled';
          return;
        }
        this.samples.push(sampleOf(environment, record));
        this.changed();
      }
      await this.checkVersions();
      this.status = 'done';
    } catch (error) {
      const { message, hint } = VelarError.from(error);
      this.status = this.request.signal.aborted ? 'cancelled' : 'failed';
      this.problem = this.status === 'cancelled' ? null : { message, hint: hint ?? null };
    } finally {
      this.changed();
    }
  }

  private async call(environment: Environment): Promise<RunRecord> {
    const { connection, app, qualname, signal } = this.request;
    const { arguments: given, instance } = this.plan.calls[environment];
    const handle = startDeployedCall(connection, {
      app,
      environment,
      qualname,
      arguments: given,
      ...(instance === undefined ? {} : { instance }),
    });
    const cancel = (): void => void handle.cancel().catch(() => undefined);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await handle.ended;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** A deploy or a move in between would mix two versions in one column. */
  private async checkVersions(): Promise<void> {
    const { connection, app, signal } = this.request;
    const { apps } = await connection.request('deployment.list', {}, signal);
    for (const environment of ['staging', 'production'] as const) {
      const now = servedVersion(apps, app, environment)?.version;
      const before = this.plan.versions[environment];
      if (now === before) continue;
      this.plan.notes.push(
        `In ${environment} the version changed during the calls: it was version ${String(before)}, now ${now === undefined ? 'nothing' : `version ${String(now)}`}.`,
      );
    }
  }
}

function planOf({ apps, app, qualname, inputs }: CompareRequest): Plan {
  const notes: string[] = [];
  const ready = (environment: Environment): { version: Version; call: Ready } => {
    const version = servedVersion(apps, app, environment);
    if (version === undefined) {
      throw new VelarError(
        'not-found',
        `In ${environment}, ${app} serves nothing to compare with.`,
        {
          hint: environment === 'staging' ? 'Deploy to staging first.' : 'Promote a version first.',
        },
      );
    }
    const where = `In ${environment}, version ${String(version.version)}`;
    const callable = findCallable(version, qualname);
    if (callable === undefined) {
      throw new VelarError('not-found', `${where} has no function ${qualname}.`, {
        hint: 'Compare a function that both versions have.',
      });
    }
    const call = collectCall(callable, inputs);
    if (!call.ok) {
      throw new VelarError(
        'invalid',
        `${where} does not take the inputs: ${call.parameter}: ${call.problem}`,
        {
          hint: 'The signatures differ: give what both take.',
        },
      );
    }
    for (const name of namesNotTaken(callable, inputs)) {
      notes.push(`${where} takes no argument ${name}: it is called without it.`);
    }
    return { version, call };
  };
  const [staging, production] = [ready('staging'), ready('production')];
  const versions = {
    staging: staging.version.version,
    production: production.version.version,
  };
  if (versions.staging === versions.production) {
    notes.push(`Both environments serve version ${String(versions.staging)}, the same code.`);
  }
  return { versions, calls: { staging: staging.call, production: production.call }, notes };
}
