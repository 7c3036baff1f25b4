/** The Docker client's own configuration: logins and proxies. It holds secrets, and is never quoted. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { isNodeError } from '../../protocol/errors';
import { ImageBuildError } from '../buildError';

export type Environment = Readonly<Record<string, string | undefined>>;

const entrySchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
const proxySchema = z.object({
  httpProxy: z.string().optional(),
  httpsProxy: z.string().optional(),
  ftpProxy: z.string().optional(),
  noProxy: z.string().optional(),
  allProxy: z.string().optional(),
});
const configSchema = z.object({
  auths: z.record(z.string(), entrySchema).default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
  /** By the engine's address, or `default`. */
  proxies: z.record(z.string(), proxySchema).default({}),
});
export type DockerEntry = z.infer<typeof entrySchema>;
export type DockerConfig = z.infer<typeof configSchema>;

/** Empty where there is none. Read anew each time. Throws ImageBuildError for one that can't be read. */
export async function readDockerConfig(environment: Environment): Promise<DockerConfig> {
  const wanted = environment['DOCKER_CONFIG'];
  const home = environment['HOME'] ?? homedir();
  const folder = wanted === undefined || wanted === '' ? join(home, '.docker') : wanted;
  const path = join(folder, 'config.json');
  try {
    return configSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (isNodeError(error) && error.code === 'ENOENT') return configSchema.parse({});
    // What the parser says quotes the file, and the file holds secrets.
    const why = isNodeError(error) ? error.message : 'it is not what `docker login` writes';
    throw authError(
      `The Docker configuration ${path} can't be read: ${why}.`,
      'Correct it, or remove it and run `docker login` again.',
    );
  }
}

/** A login or configuration that does not work. */
export function authError(message: string, hint: string): ImageBuildError {
  return new ImageBuildError({
    kind: 'image',
    type: 'RegistryLogin',
    message,
    traceback: [],
    hint,
  });
}
