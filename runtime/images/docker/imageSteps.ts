/** Makes one image: pulls what it stands on, builds a Dockerfile of the workspace, builds the layers over it. */
import type Docker from 'dockerode';
import type { BuildListener } from '../../engines/engine';
import { ImageBuildError } from '../buildError';
import { buildImage } from './build';
import { buildContext } from './context';
import { dockerfileText, isProblem, makeRecipe, type Base } from './dockerfile';
import { stepFailure } from './failures';
import { IMAGE_LABEL } from './imageNames';
import type { ImageParts, WorkspaceBuild } from './imageParts';
import { pullImage } from './pull';
import { labelInstruction } from './quoting';
import { registryOf } from './references';
import { proxyArguments } from './proxies';
import { registryCredentials, type RegistryCredentials } from './registryAuth';

/** What no finished image has: what is left with it is of a build that failed. */
const UNFINISHED = { [IMAGE_LABEL.unfinished]: '1' };
const MARK = { title: 'marking', kind: 'setting', place: undefined } as const;

export interface ImageWork {
  docker: Docker;
  parts: ImageParts;
  environment: Readonly<Record<string, string | undefined>>;
  listener: BuildListener;
  signal: AbortSignal;
}

/** The name and the labels of the finished image. */
export interface ImageName {
  tag: string;
  labels: Readonly<Record<string, string>>;
}

/** An image that the engine has. */
export interface FoundImage {
  id: string;
  tags: readonly string[];
}

/** Ids of the images that it stands on, those that the engine lacks pulled first, and told. */
export async function pullBases(
  work: ImageWork,
  pulled: (reference: string, id: string) => Promise<void>,
): Promise<string[]> {
  const { docker, parts, environment, listener, signal } = work;
  const ids: string[] = [];
  for (const reference of parts.references) {
    let id = (await findImage(docker, reference))?.id;
    if (id === undefined) {
      const place = parts.image.base;
      await pullImage({ docker, reference, place, environment, listener, signal });
      id = (await docker.getImage(reference).inspect()).Id;
      await pulled(reference, id);
    }
    ids.push(id);
  }
  return ids;
}

/** Id of the built image. `base`: id of the image in a registry that it stands on, where it is one. */
export async function buildParts(
  work: ImageWork,
  base: string | undefined,
  name: ImageName,
): Promise<string> {
  const { parts } = work;
  const hasLayers = parts.recipe.steps.length > 1;
  let from = base;
  if (parts.workspaceBuild !== undefined) {
    from = await buildWorkspace(work, parts.workspaceBuild, hasLayers ? undefined : name);
    if (!hasLayers) return from;
  }
  if (from === undefined) throw new Error('An image without a base.');
  return buildLayers(work, from, name);
}

/** Undefined for an image that the engine lacks. */
export async function findImage(
  docker: Docker,
  reference: string,
): Promise<FoundImage | undefined> {
  try {
    const { Id: id, RepoTags: tags } = await docker.getImage(reference).inspect();
    return { id, tags: tags ?? [] };
  } catch (error) {
    if ((error as { statusCode?: unknown }).statusCode === 404) return undefined;
    throw error;
  }
}

async function buildWorkspace(
  work: ImageWork,
  own: WorkspaceBuild,
  name: ImageName | undefined,
): Promise<string> {
  const { docker, parts, listener, signal } = work;
  const result = await buildImage({
    docker,
    context: buildContext(own.text, own.context, parts.files),
    titles: own.instructions.map(() => undefined),
    tag: name?.tag,
    labels: name?.labels ?? UNFINISHED,
    credentials: await credentialsFor(work, own.images),
    arguments: await proxyArguments(work.environment),
    listener,
    signal,
  });
  if ('id' in result) return result.id;
  const instruction = own.instructions[result.step];
  throw new ImageBuildError(
    stepFailure({
      ...result,
      step: undefined,
      instruction: instruction?.text,
      place: instruction === undefined ? undefined : { file: own.path, line: instruction.line },
    }),
  );
}

async function buildLayers(work: ImageWork, from: string, name: ImageName): Promise<string> {
  const { docker, parts, listener, signal } = work;
  const { image, requirements, files } = parts;
  const list = files.list.bind(files);
  const base = await inspectBase(docker, from);
  const recipe = makeRecipe({ layers: image.layers, base, requirements, list });
  // The same layers were looked at when the image was planned.
  if (isProblem(recipe)) throw new Error(recipe.message);
  const { steps } = recipe;
  // Marked from the first step on, and by the same words in each build, so that steps are found again.
  const marked = [...steps];
  marked.splice(1, 0, { ...MARK, instruction: labelInstruction(UNFINISHED) });
  const result = await buildImage({
    docker,
    context: buildContext(
      `${dockerfileText(marked)}${labelInstruction(name.labels)}\n`,
      recipe.context,
      files,
    ),
    titles: steps.map((step) => step.title),
    marked: true,
    tag: name.tag,
    labels: {},
    credentials: {},
    arguments: await proxyArguments(work.environment),
    listener,
    signal,
  });
  if ('id' in result) return result.id;
  const step = steps[result.step];
  throw new ImageBuildError(
    stepFailure({ ...result, step, instruction: undefined, place: step?.place ?? image.base }),
  );
}

async function inspectBase(docker: Docker, from: string): Promise<Base> {
  const { Config: config } = await docker.getImage(from).inspect();
  const environment = (config.Env ?? []).map((entry) => entry.slice(entry.indexOf('=') + 1));
  return { from, user: config.User, environment };
}

async function credentialsFor(
  { environment }: ImageWork,
  references: readonly string[],
): Promise<Record<string, RegistryCredentials>> {
  const found: Record<string, RegistryCredentials> = {};
  for (const registry of new Set(references.map(registryOf))) {
    const credentials = await registryCredentials(registry, environment);
    if (credentials !== undefined) found[credentials.serveraddress] = credentials;
  }
  return found;
}
