import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** VELAR_HOME: where the store, caches and the command line's tokens lie. */
export function velarHome(environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = environment['VELAR_HOME'];
  return chosen === undefined || chosen === '' ? join(homedir(), '.velar') : resolve(chosen);
}
