/** Which versions an environment may serve: each rule throws `conflict` or `invalid` with the reason. */
import type { Environment, Version } from '../protocol/deployments';
import { VelarError } from '../protocol/errors';
import type { DeploymentStore, Move } from '../store/deployments';

export type Known = Pick<DeploymentStore, 'history' | 'isProtected' | 'served'>;

/** A new version may come straight into the environment. */
export function checkDeploy(known: Known, app: string, environment: Environment): void {
  if (environment !== 'production' || !known.isProtected(app)) return;
  throw new VelarError('conflict', `Production of ${app} takes promoted versions only.`, {
    hint: 'Deploy to staging, try it, then promote it.',
  });
}

/** The version may be promoted, or rolled back to. Whether the environment serves it already is asked by checkServed. */
export function checkMove(
  known: Known,
  { app, version: number }: Pick<Version, 'app' | 'version'>,
  environment: Environment,
  action: Move['action'],
): void {
  const moves = (where: Environment): Move[] =>
    known.history(app, where).filter((move) => move.version === number);
  if (action === 'promote') {
    if (environment !== 'production') {
      throw new VelarError('invalid', 'Versions are promoted to production.');
    }
    if (moves('staging').length === 0) {
      throw new VelarError('conflict', `Version ${number} of ${app} was never in staging.`, {
        hint: 'Deploy it to staging and try it there first.',
      });
    }
    return;
  }
  const before = moves(environment);
  if (before.length === 0) {
    throw new VelarError('conflict', `${environment} of ${app} never served version ${number}.`, {
      hint: 'List what it served with `velar deployments`.',
    });
  }
  const promoted = before.some((move) => move.action === 'promote');
  if (environment === 'production' && known.isProtected(app) && !promoted) {
    throw new VelarError(
      'conflict',
      `Production of ${app} takes promoted versions only, and version ${number} was deployed to it directly.`,
      {
        hint: `Promote it from staging, or lift the protection with \`velar protect ${app} --off\`.`,
      },
    );
  }
}

/** The environment serves another version, or none. */
export function checkServed(
  known: Known,
  { app, version: number }: Pick<Version, 'app' | 'version'>,
  environment: Environment,
): void {
  if (known.served(app, environment)?.version !== number) return;
  throw new VelarError('conflict', `${environment} of ${app} serves version ${number} already.`);
}

/** The environment may stop serving the app. */
export function checkUndeploy(known: Known, app: string, environment: Environment): void {
  if (environment !== 'production' || !known.isProtected(app)) return;
  throw new VelarError('conflict', `Production of ${app} is protected, so it is not taken down.`, {
    hint: `Lift the protection first with \`velar protect ${app} --off\`.`,
  });
}
