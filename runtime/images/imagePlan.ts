/** What the process engine makes of an image: what it builds and what it sets. Pure. */
import { sha256Hex } from '../protocol/bundles';
import type { ImageDescription, ImagePlace } from '../protocol/description';

/** One install command; a failure points at the layer's place in the user's file. */
export interface InstallStep extends ImagePlace {
  /** What goes behind `pip install`, requirements files by their content. */
  packages: readonly string[];
  requirements: string | null;
}

export interface ImagePlan {
  /** Names the virtual environment: same Python, same installs, same key. */
  venvKey: string;
  /** Names the whole image, what is set at start included; containers of one key are interchangeable. */
  imageKey: string;
  steps: readonly InstallStep[];
  environment: Readonly<Record<string, string>>;
}

export interface PlanInputs {
  image: ImageDescription;
  /** Version and path of the interpreter that will be used. */
  python: { executable: string; version: string };
  /** Content of the requirements files that layers name. */
  requirements: ReadonlyMap<string, string>;
}

export function planImage({ image, python, requirements }: PlanInputs): ImagePlan {
  const steps: InstallStep[] = [];
  const environment: Record<string, string> = {};
  for (const layer of image.layers) {
    switch (layer.kind) {
      case 'pip':
        steps.push({ ...placeOf(layer), packages: layer.packages, requirements: null });
        break;
      case 'requirements': {
        const content = requirements.get(layer.path) ?? '';
        steps.push({ ...placeOf(layer), packages: [], requirements: content });
        break;
      }
      case 'env':
        Object.assign(environment, layer.variables);
        break;
      // notApplied.ts says these.
      case 'apt':
      case 'run':
      case 'workdir':
      case 'localFile':
      case 'localDir':
        break;
      default:
        layer satisfies never;
    }
  }
  const built = { engine: 'process', python, steps: steps.map(installOf) };
  const venvKey = keyOf(built);
  return { venvKey, imageKey: imageKeyOf(venvKey, environment), steps, environment };
}

/** The same, set up in an environment that was built under another name. */
export function planOver(plan: ImagePlan, venvKey: string): ImagePlan {
  return { ...plan, venvKey, imageKey: imageKeyOf(venvKey, plan.environment) };
}

/** JSON with sorted keys, so that equal contents give equal bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function imageKeyOf(venvKey: string, environment: Readonly<Record<string, string>>): string {
  return keyOf({ venvKey, environment });
}

function keyOf(value: unknown): string {
  return sha256Hex(canonicalJson(value)).slice(0, 32);
}

/** A layer's line is not part of the key: moving code rebuilds nothing. */
function installOf(step: InstallStep): unknown {
  return { packages: step.packages, requirements: step.requirements };
}

function placeOf({ file, line }: ImagePlace): ImagePlace {
  return { file, line };
}
