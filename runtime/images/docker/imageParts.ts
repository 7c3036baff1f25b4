/** What is known of an image before anything is built or pulled: its parts, its keys, what stands in the way. */
import type { BundleFiles } from '../../engines/engine';
import type { ImageBase, ImageDescription, ImagePlace } from '../../protocol/description';
import { sha256Hex } from '../../protocol/bundles';
import type { RunError } from '../../protocol/values';
import { placeTraceback } from '../buildError';
import { canonicalJson } from '../imagePlan';
import { workspaceContext } from './context';
import { dockerfileText, isProblem, makeRecipe, type ContextFile, type Recipe } from './dockerfile';
import { readDockerfile, type OwnDockerfile } from './ownDockerfile';
import { isReference } from './references';
import { readRequirements, type Requirements } from './requirements';

/** A Dockerfile of the workspace, and what is sent with it. */
export interface WorkspaceBuild extends OwnDockerfile {
  path: string;
  text: string;
  context: readonly ContextFile[];
}

/** An image's parts. */
export interface ImageParts {
  image: ImageDescription;
  files: BundleFiles;
  requirements: ReadonlyMap<string, Requirements>;
  /** The base, where a Dockerfile makes it. */
  workspaceBuild: WorkspaceBuild | undefined;
  /** Images of registries that it stands on. */
  references: readonly string[];
  /** The layers over a base that is not known yet: for keys, titles and variables. */
  recipe: Recipe;
  /** True where something is built; else the pulled image is used as it is. */
  needsBuild: boolean;
  /** Name of all that is in it but the images it stands on. Lines are no part of it. */
  contentKey: string;
  /** What is in it, for people. */
  label: string;
}

/** `pythonVersion` such as `3.11`, for a base that names none; `platform` such as `linux/amd64`. */
export interface PartsInputs {
  image: ImageDescription;
  files: BundleFiles;
  pythonVersion: string;
  platform: string;
}

/** Stands for the base in keys. */
const UNKNOWN_BASE = { from: 'base', user: '', environment: [] };
const LABEL_CHARACTERS = 120;

/** Reads what the image names. Resolves to the error of a run where it can't be built. */
export async function readParts(inputs: PartsInputs): Promise<ImageParts | { problem: RunError }> {
  const { image, files, platform } = inputs;
  const base = await readBase(image.base, inputs);
  if ('problem' in base) return base;
  const requirements = new Map<string, Requirements>();
  for (const layer of image.layers) {
    if (layer.kind !== 'requirements') continue;
    requirements.set(layer.path, await readRequirements(layer.path, files));
  }
  const { layers } = image;
  const list = files.list.bind(files);
  const recipe = makeRecipe({ layers, base: UNKNOWN_BASE, requirements, list });
  if (isProblem(recipe)) return imageProblem(recipe.message, recipe.hint, recipe.place);
  const { workspaceBuild, references } = base;
  const content = {
    platform,
    references,
    layers: dockerfileText(recipe.steps),
    files: recipe.context.map(identityOf),
    environment: recipe.environment,
    base:
      workspaceBuild === undefined
        ? null
        : { text: workspaceBuild.text, files: workspaceBuild.context.map(identityOf) },
  };
  const label = [workspaceBuild?.path ?? references[0], ...recipe.steps.slice(1).map(shortTitle)];
  return {
    image,
    files,
    requirements,
    workspaceBuild,
    references,
    recipe,
    needsBuild: workspaceBuild !== undefined || recipe.steps.slice(1).some(changesFiles),
    contentKey: keyOf(content),
    label: label.join(' · ').slice(0, LABEL_CHARACTERS),
  };

  /** Variables alone are set when a container starts. */
  function changesFiles({ instruction }: { instruction: string }): boolean {
    return !instruction.startsWith('ENV ');
  }
}

/** Key of the image over these base images; null stands for one that the engine does not have. */
export function imageKeyOf(contentKey: string, bases: readonly (string | null)[]): string {
  return keyOf({ contentKey, bases });
}

function keyOf(value: unknown): string {
  return sha256Hex(canonicalJson(value)).slice(0, 32);
}

type BaseParts = Pick<ImageParts, 'workspaceBuild' | 'references'>;

async function readBase(
  base: ImageBase,
  { files, pythonVersion }: PartsInputs,
): Promise<BaseParts | { problem: RunError }> {
  switch (base.kind) {
    case 'debian_slim': {
      const tag = `python:${base.pythonVersion ?? pythonVersion}-slim-bookworm`;
      return { workspaceBuild: undefined, references: [tag] };
    }
    case 'registry':
      return isReference(base.tag)
        ? { workspaceBuild: undefined, references: [base.tag] }
        : imageProblem(
            `${JSON.stringify(base.tag)} is no name of an image.`,
            'Write it as registry/repository:tag, in lower case, for example "python:3.11-slim".',
            base,
          );
    case 'dockerfile': {
      const text = (await files.read(base.path))?.toString('utf8');
      if (text === undefined) {
        return imageProblem(
          `${base.path} is not among the files that are sent.`,
          'Check the spelling and the ignore rules (.gitignore, .velarignore).',
          base,
        );
      }
      const own = readDockerfile(text);
      const context = await workspaceContext(files);
      const build = { ...own, path: base.path, text, context };
      return { workspaceBuild: build, references: own.images };
    }
  }
}

function identityOf(file: ContextFile): unknown {
  const { name, mode } = file;
  return 'content' in file
    ? { name, mode, sha256: sha256Hex(file.content) }
    : { name, mode, sha256: file.sha256 };
}

function shortTitle({ title }: { title: string }): string {
  return title.replace(/^(pip|apt-get) install /, '');
}

function imageProblem(message: string, hint: string, place: ImagePlace): { problem: RunError } {
  return {
    problem: {
      kind: 'image',
      type: 'ImageInvalid',
      message,
      hint,
      traceback: placeTraceback(place),
    },
  };
}
