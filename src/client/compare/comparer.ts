/** Calls both environments in turn with the same inputs and keeps what they gave. */
import type { DeployedApp, Environment } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunRecord } from '../../../runtime/protocol/runRecord';
import type { TryComparison } from '../../../runtime/protocol/tryState';
import type { CallArguments } from '../../../runtime/protocol/values';
import type { ClientConnection } from '../api';
import { startDeployedCall } from '../deploy';
import { addUp, callOrder, sampleOf, type CallSample } from './comparison';

export interface GivenCall {
  readonly arguments: CallArguments;
  /** Constructor arguments, for a method. */
  readonly instance?: CallArguments;
}

/** One set of inputs, as each environment takes it. */
export interface CompareInput {
  /** For people: `item=lamp, times=3`. */
  readonly label: string;
  readonly calls: Readonly<Record<Environment, GivenCall>>;
}

export interface ComparePlan {
  readonly versions: Readonly<Record<Environment, number>>;
  /** At least one. */
  readonly inputs: readonly CompareInput[];
  /** What a reader of the figures must know besides. */
  readonly notes: readonly string[];
}

export interface CompareRequest extends ComparePlan {
  readonly connection: ClientConnection;
  readonly app: string;
  readonly qualname: string;
  /** Of each environment with each input. */
  readonly calls: number;
  readonly signal: AbortSignal;
}

export class Comparer {
  private readonly samples: CallSample[] = [];
  private readonly notes: string[];
  private status: TryComparison['status'] = 'active';
  private problem: TryComparison['problem'] = null;

  constructor(
    private readonly request: CompareRequest,
    private tolerance: number,
    private readonly changed: () => void,
  ) {
    const { staging, production } = request.versions;
    const same = `Both environments serve version ${String(staging)}, the same code.`;
    this.notes = [...request.notes, ...(staging === production ? [same] : [])];
  }

  get view(): TryComparison {
    const { status, tolerance, problem, notes } = this;
    const { qualname, inputs, versions } = this.request;
    const { byInput, ...added } = addUp(this.samples, versions, tolerance);
    const [only] = inputs;
    return {
      ...{ status, tolerance, problem, notes },
      calls: this.rounds,
      of:
        inputs.length === 1
          ? `${qualname}(${only?.label ?? ''})`
          : `${qualname} with ${String(inputs.length)} inputs`,
      inputs: inputs.map(({ label }, index) => ({
        label: label || 'no arguments',
        ...(byInput[index] ?? { pairs: 0, differing: 0 }),
      })),
      ...added,
    };
  }

  setTolerance(tolerance: number): void {
    this.tolerance = tolerance;
  }

  /** Ends when all calls have been made, or the signal says so. Never rejects: the view tells. */
  async run(): Promise<void> {
    const { inputs, signal } = this.request;
    try {
      for (const [index, environment] of callOrder(this.rounds).entries()) {
        const input = Math.floor(index / 2) % inputs.length;
        const record = await this.call(environment, input);
        if (signal.aborted) {
          this.status = 'cancelled';
          return;
        }
        this.samples.push(sampleOf(environment, input, record));
        this.changed();
      }
      await this.checkVersions();
      this.status = 'done';
    } catch (error) {
      const { message, hint } = VelarError.from(error);
      this.status = signal.aborted ? 'cancelled' : 'failed';
      this.problem = this.status === 'cancelled' ? null : { message, hint: hint ?? null };
    } finally {
      this.changed();
    }
  }

  /** Calls of each environment: every input once, then every input again. */
  private get rounds(): number {
    return this.request.calls * this.request.inputs.length;
  }

  private async call(environment: Environment, input: number): Promise<RunRecord> {
    const { connection, app, qualname, signal, inputs } = this.request;
    const given = inputs[input]?.calls[environment];
    if (given === undefined) throw new VelarError('internal', 'There is no such input.');
    const handle = startDeployedCall(connection, { app, environment, qualname, ...given });
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
    const { connection, app, signal, versions } = this.request;
    const { apps } = await connection.request('deployment.list', {}, signal);
    for (const environment of ['staging', 'production'] as const) {
      const now = servedNumber(apps, app, environment);
      const before = versions[environment];
      if (now === before) continue;
      this.notes.push(
        `In ${environment} the version changed during the calls: it was version ${String(before)}, now ${now === undefined ? 'nothing' : `version ${String(now)}`}.`,
      );
    }
  }
}

/** Number of the version that an environment serves; undefined where it serves none. */
export function servedNumber(
  apps: readonly DeployedApp[],
  app: string,
  environment: Environment,
): number | undefined {
  const deployed = apps.find((each) => each.app === app);
  return deployed?.serves.find((each) => each.environment === environment)?.version;
}
