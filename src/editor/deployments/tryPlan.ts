/** What a comparison calls each environment with: what was typed, as each version takes it. Pure. */
import type { DeployedApp, Environment, Version } from '../../../runtime/protocol/deployments';
import { VelarError } from '../../../runtime/protocol/errors';
import type { ComparePlan, GivenCall } from '../../client/compare/comparer';
import { findCallable, type Callable } from './callable';
import { servedVersion } from './served';
import { collectCall, inputsLabel, namesNotTaken, type Inputs } from './tryForm';

interface Side {
  readonly version: Version;
  readonly callable: Callable;
  readonly where: string;
}

/** Throws `not-found` or `invalid` where the two can't be called alike. */
export function planOf(
  apps: readonly DeployedApp[],
  app: string,
  qualname: string,
  inputs: readonly Inputs[],
): ComparePlan {
  const notes = new Set<string>();
  const sides = {
    staging: sideOf(apps, app, qualname, 'staging'),
    production: sideOf(apps, app, qualname, 'production'),
  };
  const call = ({ callable, where }: Side, given: Inputs): GivenCall => {
    const collected = collectCall(callable, given);
    if (!collected.ok) {
      throw new VelarError(
        'invalid',
        `${where} does not take ${inputsLabel(given) || 'no arguments'}: ${collected.parameter}: ${collected.problem}`,
        { hint: 'The signatures differ: give what both take.' },
      );
    }
    for (const name of namesNotTaken(callable, given)) {
      notes.add(`${where} takes no argument ${name}: it is called without it.`);
    }
    const { ok: _ok, ...rest } = collected;
    return rest;
  };
  return {
    versions: {
      staging: sides.staging.version.version,
      production: sides.production.version.version,
    },
    inputs: inputs.map((given) => ({
      label: inputsLabel(given),
      calls: { staging: call(sides.staging, given), production: call(sides.production, given) },
    })),
    notes: [...notes],
  };
}

function sideOf(
  apps: readonly DeployedApp[],
  app: string,
  qualname: string,
  environment: Environment,
): Side {
  const version = servedVersion(apps, app, environment);
  if (version === undefined) {
    throw new VelarError('not-found', `In ${environment}, ${app} serves nothing to compare with.`, {
      hint: environment === 'staging' ? 'Deploy to staging first.' : 'Promote a version first.',
    });
  }
  const where = `In ${environment}, version ${String(version.version)}`;
  const callable = findCallable(version, qualname);
  if (callable !== undefined) return { version, callable, where };
  throw new VelarError('not-found', `${where} has no function ${qualname}.`, {
    hint: 'Compare a function that both versions have.',
  });
}
