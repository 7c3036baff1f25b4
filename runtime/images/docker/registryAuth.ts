/** Credentials for registries, from the configuration that `docker login` writes. Never logged. */
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { startChild } from '../../engines/children';
import { ImageBuildError } from '../buildError';
import { authError, readDockerConfig, type DockerEntry, type Environment } from './dockerConfig';
import { DOCKER_HUB } from './references';

/** As the engine takes them. With an identity token, name and password are empty. */
export interface RegistryCredentials {
  username: string;
  password: string;
  identitytoken?: string;
  serveraddress: string;
}

/** Docker Hub's name in the configuration. */
const HUB_SERVER = 'https://index.docker.io/v1/';
/** A helper that wants to ask somebody would wait for ever. */
const HELPER_LIMIT_MS = 15_000;

const helperAnswerSchema = z.object({ Username: z.string(), Secret: z.string() });

/**
 * Credentials for a registry, or undefined where there are none. Read anew each time: `docker login` works
 * without a restart. Throws ImageBuildError for a configuration or a helper that does not work.
 */
export async function registryCredentials(
  registry: string,
  environment: Environment,
): Promise<RegistryCredentials | undefined> {
  const config = await readDockerConfig(environment);
  const server = registry === DOCKER_HUB ? HUB_SERVER : registry;
  const helper = config.credHelpers[registry] ?? config.credHelpers[server] ?? config.credsStore;
  if (helper !== undefined && helper !== '') {
    const found = await askHelper(helper, server, environment);
    if (found !== undefined) return found;
  }
  const entry = Object.entries(config.auths).find(
    ([name]) => name === server || hostOf(name) === hostOf(server),
  )?.[1];
  return entry === undefined ? undefined : credentialsOf(entry, server);
}

function credentialsOf(entry: DockerEntry, serveraddress: string): RegistryCredentials | undefined {
  if (entry.identitytoken !== undefined && entry.identitytoken !== '') {
    return tokenCredentials(entry.identitytoken, serveraddress);
  }
  const plain = Buffer.from(entry.auth ?? '', 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  const username = colon < 0 ? entry.username : plain.slice(0, colon);
  const password = colon < 0 ? entry.password : plain.slice(colon + 1).replace(/\0+$/, '');
  if (username === undefined || username === '' || password === undefined) return undefined;
  return { username, password, serveraddress };
}

function tokenCredentials(identitytoken: string, serveraddress: string): RegistryCredentials {
  return { username: '', password: '', identitytoken, serveraddress };
}

/** https://github.com/docker/docker-credential-helpers: `get` reads the server and prints JSON. */
async function askHelper(
  helper: string,
  server: string,
  environment: Environment,
): Promise<RegistryCredentials | undefined> {
  const command = `docker-credential-${helper}`;
  const hint = `Check that ${command} works, or run \`docker login\` again.`;
  const env = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  );
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  try {
    const child = await startChild({ command, args: ['get'], env });
    timer = setTimeout(() => {
      late = true;
      child.signal('SIGKILL');
    }, HELPER_LIMIT_MS);
    child.stdin.end(server);
    const [exit, stdout, stderr] = await Promise.all([
      child.exited,
      text(child.stdout),
      text(child.stderr),
    ]);
    if (late)
      throw authError(`${command} did not answer within ${HELPER_LIMIT_MS / 1000} s.`, hint);
    if (exit.code !== 0) {
      if (/credentials not found/i.test(stdout + stderr)) return undefined;
      throw authError(`${command} failed for ${server} (exit code ${String(exit.code)}).`, hint);
    }
    const answer = helperAnswerSchema.safeParse(parseJson(stdout));
    if (!answer.success) throw authError(`${command} gave no answer that can be read.`, hint);
    const { Username: username, Secret: secret } = answer.data;
    return username === '<token>'
      ? tokenCredentials(secret, server)
      : { username, password: secret, serveraddress: server };
  } catch (error) {
    if (error instanceof ImageBuildError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw authError(`Docker's credential helper can't be used: ${why}`, hint);
  } finally {
    clearTimeout(timer);
  }
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

function hostOf(server: string): string {
  return server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}
