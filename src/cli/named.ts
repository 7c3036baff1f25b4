/** Environments and versions as they are named on the command line. Pure. */
import { environmentSchema, type Environment } from '../../runtime/protocol/deployments';
import { VelarError } from '../../runtime/protocol/errors';

/** Throws `invalid`. */
export function environmentOf(given: string): Environment {
  const environment = environmentSchema.safeParse(given);
  if (environment.success) return environment.data;
  throw new VelarError('invalid', `${JSON.stringify(given)} is no environment.`, {
    hint: 'Choose staging or production.',
  });
}

/** Throws `invalid`. */
export function versionOf(given: string): number {
  const version = Number(given.replace(/^v/, ''));
  if (Number.isInteger(version) && version > 0) return version;
  throw new VelarError('invalid', `${JSON.stringify(given)} is no version.`, {
    hint: 'Give a number that `velar deployments` lists.',
  });
}

/** `APP.FUNCTION`. Throws `invalid`. */
export function functionOf(given: string, example: string): { app: string; qualname: string } {
  const dot = given.indexOf('.');
  if (dot > 0) return { app: given.slice(0, dot), qualname: given.slice(dot + 1) };
  throw new VelarError('invalid', `${JSON.stringify(given)} names no function of an app.`, {
    hint: `Write APP.FUNCTION, as in \`${example}\`.`,
  });
}
