/** From an image's layers to a Dockerfile and its context, each instruction with the line that it came from. Pure. */
import { posix } from 'node:path';
import type { ImageLayer, ImagePlace } from '../../protocol/description';
import type { FileEntry } from '../../protocol/methods';
import { aptScript, isPlainAptPackage, isPlainPackage, pipScript } from './installScripts';
import { orderLayers } from './layerOrder';
import {
  copyInstruction,
  envInstruction,
  isVariableName,
  MAX_INSTRUCTION_BYTES,
  needsShell,
  runInstruction,
  shellWord,
  userInstruction,
  workdirInstruction,
} from './quoting';
import type { Requirements } from './requirements';

/** What the layers stand on. */
export interface Base {
  /** What FROM names: the id of an image that the engine has. */
  from: string;
  /** The user that it runs as; empty for root. */
  user: string;
  /** Values of its environment variables. */
  environment: readonly string[];
}

/** One instruction, in the builder's order. */
export interface Step {
  instruction: string;
  /** What it does, for progress and log. */
  title: string;
  /** What installs, for errors. */
  kind: 'pip' | 'apt' | 'run' | 'files' | 'setting';
  place: ImagePlace | undefined;
}

export type ContextFile =
  | { name: string; mode: number; content: string }
  | { name: string; mode: number; path: string; size: number; sha256: string };

export interface Recipe {
  steps: readonly Step[];
  context: readonly ContextFile[];
  /** Variables that the layers set, for the containers. */
  environment: Readonly<Record<string, string>>;
}

/** A layer that no Dockerfile can say. */
export interface LayerProblem {
  message: string;
  hint: string;
  place: ImagePlace;
}

export interface RecipeInputs {
  layers: readonly ImageLayer[];
  base: Base;
  /** By the path that the layer names. */
  requirements: ReadonlyMap<string, Requirements>;
  /** Files of the bundle under a path, or the file of that path. */
  list(path: string): readonly FileEntry[];
}

/** Where requirements files lie in the image. */
const REQUIREMENTS = '/usr/local/share/velar/requirements';
const TITLE_CHARACTERS = 60;

export function makeRecipe(inputs: RecipeInputs): Recipe | LayerProblem {
  const renderer = new Renderer(inputs);
  const { requirements, base } = inputs;
  const ordered = orderLayers(inputs.layers, {
    targets: (layer) => filesOf(layer, inputs).map((file) => file.target),
    installsPlainly: (layer) => installsPlainly(layer, requirements),
    baseEnvironment: base.environment,
  });
  for (const layer of ordered) {
    const before = renderer.steps.length;
    const problem = renderer.add(layer) ?? tooLong(renderer.steps.slice(before), layer);
    if (problem !== undefined) return { ...problem, place: placeOf(layer) };
  }
  return {
    steps: renderer.steps,
    context: renderer.context,
    environment: environmentOf(inputs.layers),
  };
}

export function isProblem(made: Recipe | LayerProblem): made is LayerProblem {
  return 'message' in made;
}

export function dockerfileText(steps: readonly Step[]): string {
  return steps.map((step) => `${step.instruction}\n`).join('');
}

/** Layers as the person wrote them. */
const METHODS: Readonly<Record<ImageLayer['kind'], string>> = {
  pip: 'pip_install',
  requirements: 'pip_install_from_requirements',
  apt: 'apt_install',
  run: 'run_commands',
  env: 'env',
  workdir: 'workdir',
  localFile: 'add_local_file',
  localDir: 'add_local_dir',
};

type Problem = Omit<LayerProblem, 'place'>;

class Renderer {
  readonly steps: Step[] = [];
  readonly context: ContextFile[] = [];
  /** Variables that no ENV instruction can hold, set in each script instead. */
  private readonly exports = new Map<string, string>();
  private folders = 0;

  constructor(private readonly inputs: RecipeInputs) {
    const { from } = inputs.base;
    this.step({ instruction: `FROM ${from}`, title: 'base', kind: 'setting', place: undefined });
  }

  add(layer: ImageLayer): Problem | undefined {
    const place = placeOf(layer);
    switch (layer.kind) {
      case 'pip': {
        const folder = layer.packages.every(isPlainPackage) ? '/' : undefined;
        const title = `pip install ${layer.packages.join(' ')}`;
        const script = pipScript(['--', ...layer.packages], folder);
        this.asRoot(() => this.run(script, { title, kind: 'pip', place }));
        return undefined;
      }
      case 'requirements':
        return this.addRequirements(layer);
      case 'apt': {
        const title = `apt-get install ${layer.packages.join(' ')}`;
        this.asRoot(() => this.run(aptScript(layer.packages), { title, kind: 'apt', place }));
        return undefined;
      }
      case 'run':
        for (const command of layer.commands) {
          this.run(command, { title: command.trim(), kind: 'run', place });
        }
        return undefined;
      case 'env':
        return this.addVariables(layer);
      case 'workdir': {
        if (needsShell(layer.path)) return lineBreak(layer, layer.path);
        const instruction = workdirInstruction(layer.path);
        this.step({ instruction, title: `workdir ${layer.path}`, kind: 'setting', place });
        return undefined;
      }
      case 'localFile':
      case 'localDir':
        return this.addFiles(layer);
    }
  }

  private addRequirements(
    layer: Extract<ImageLayer, { kind: 'requirements' }>,
  ): Problem | undefined {
    const read = this.inputs.requirements.get(layer.path);
    if (read === undefined || read.missing.length > 0) {
      return {
        message: `${(read?.missing ?? [layer.path]).join(', ')} is not among the files that are sent.`,
        hint: 'Check the spelling and the ignore rules (.gitignore, .velarignore).',
      };
    }
    const folder = this.folder();
    for (const [path, content] of read.files) {
      this.context.push({ name: `${folder}/${path}`, mode: 0o644, content });
    }
    const place = placeOf(layer);
    const target = `${REQUIREMENTS}/${folder}`;
    const title = `pip install -r ${layer.path}`;
    const instruction = copyInstruction(`${folder}/`, `${target}/`);
    this.step({ instruction, title: `add ${layer.path}`, kind: 'files', place });
    const script = pipScript(['-r', `${target}/${read.path}`], read.plain ? '/' : undefined);
    this.asRoot(() => this.run(script, { title, kind: 'pip', place }));
    return undefined;
  }

  private addFiles(
    layer: Extract<ImageLayer, { kind: 'localFile' | 'localDir' }>,
  ): Problem | undefined {
    if (needsShell(layer.target)) return lineBreak(layer, layer.target);
    const files = filesOf(layer, this.inputs);
    if (files.length === 0) {
      return {
        message: `${layer.source} is not among the files that are sent.`,
        hint: 'Check the spelling and the ignore rules (.gitignore, .velarignore).',
      };
    }
    // The folder is copied, never a name of the user's: what COPY takes from the context is a pattern.
    const folder = this.folder();
    const root = layer.kind === 'localFile' ? posix.dirname(fileTarget(layer)) : layer.target;
    for (const { entry, inFolder } of files) {
      const { path, mode, size, sha256 } = entry;
      this.context.push({ name: `${folder}/${inFolder}`, mode, path, size, sha256 });
    }
    this.step({
      instruction: copyInstruction(`${folder}/`, root.endsWith('/') ? root : `${root}/`),
      title: `add ${layer.source}`,
      kind: 'files',
      place: placeOf(layer),
    });
    return undefined;
  }

  private addVariables(layer: Extract<ImageLayer, { kind: 'env' }>): Problem | undefined {
    const plain: Record<string, string> = {};
    for (const [name, value] of Object.entries(layer.variables)) {
      if (!isVariableName(name)) {
        return {
          message: `${JSON.stringify(name)} can't be the name of an environment variable in an image.`,
          hint: 'Use letters, digits and _ only.',
        };
      }
      this.exports.delete(name);
      if (needsShell(value)) this.exports.set(name, value);
      else plain[name] = value;
    }
    const names = Object.keys(plain);
    if (names.length === 0) return undefined;
    this.step({
      instruction: envInstruction(plain),
      title: `env ${names.join(' ')}`,
      kind: 'setting',
      place: placeOf(layer),
    });
    return undefined;
  }

  /** System packages are root's to install, whoever the base runs as. */
  private asRoot(install: () => void): void {
    const { user } = this.inputs.base;
    const isRoot = /^(root|0)?(:(root|0))?$/.test(user);
    const become = (name: string): void =>
      this.step({
        instruction: userInstruction(name),
        title: `user ${name}`,
        kind: 'setting',
        place: undefined,
      });
    if (!isRoot) become('0');
    install();
    if (!isRoot) become(user);
  }

  private run(script: string, step: Omit<Step, 'instruction'>): void {
    const exported = [...this.exports].map(
      ([name, value]) => `export ${name}=${shellWord(value)}\n`,
    );
    this.step({ ...step, instruction: runInstruction(exported.join('') + script) });
  }

  private step(step: Step): void {
    this.steps.push({ ...step, title: shortened(step.title) });
  }

  private folder(): string {
    return `files-${this.folders++}`;
  }
}

/** Variables of all layers, the last of a name counts. */
function environmentOf(layers: readonly ImageLayer[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const layer of layers) if (layer.kind === 'env') Object.assign(environment, layer.variables);
  return environment;
}

interface PlacedFile {
  entry: FileEntry;
  /** Path under the layer's folder in the context. */
  inFolder: string;
  /** Path in the image. */
  target: string;
}

function filesOf(
  layer: Extract<ImageLayer, { kind: 'localFile' | 'localDir' }>,
  { list }: Pick<RecipeInputs, 'list'>,
): PlacedFile[] {
  const source = posix.normalize(layer.source).replace(/\/$/, '');
  const found = list(source);
  if (layer.kind === 'localFile') {
    const target = fileTarget(layer);
    return found
      .filter((entry) => entry.path === source)
      .map((entry) => ({ entry, inFolder: posix.basename(target), target }));
  }
  const start = source === '.' ? 0 : source.length + 1;
  return found
    .filter((entry) => entry.path !== source)
    .map((entry) => {
      const inFolder = entry.path.slice(start);
      return { entry, inFolder, target: posix.join(layer.target, inFolder) };
    });
}

/** A target that ends in `/` is a folder, and the file keeps its name. */
function fileTarget({ source, target }: { source: string; target: string }): string {
  const plain = posix.normalize(target);
  return plain.endsWith('/') ? posix.join(plain, posix.basename(source)) : plain;
}

function installsPlainly(
  layer: ImageLayer,
  requirements: ReadonlyMap<string, Requirements>,
): boolean {
  if (layer.kind === 'pip') return layer.packages.every(isPlainPackage);
  if (layer.kind === 'apt') return layer.packages.every(isPlainAptPackage);
  return layer.kind === 'requirements' && requirements.get(layer.path)?.plain === true;
}

function tooLong(steps: readonly Step[], layer: ImageLayer): Problem | undefined {
  const longest = Math.max(0, ...steps.map((step) => Buffer.byteLength(step.instruction)));
  if (longest <= MAX_INSTRUCTION_BYTES) return undefined;
  return {
    message: `${METHODS[layer.kind]} makes an instruction of ${longest} bytes; Docker takes ${MAX_INSTRUCTION_BYTES}.`,
    hint: 'Put it into a file of the workspace, add that with add_local_file, and use it from there.',
  };
}

function lineBreak({ kind }: ImageLayer, value: string): Problem {
  return {
    message: `${METHODS[kind]}: ${JSON.stringify(value)} has a line break or another control character.`,
    hint: 'Give it a name without.',
  };
}

function placeOf({ file, line }: ImageLayer): ImagePlace {
  return { file, line };
}

function shortened(text: string): string {
  const line = text.split('\n')[0] ?? '';
  if (line.length <= TITLE_CHARACTERS && line === text) return line;
  return `${line.slice(0, TITLE_CHARACTERS - 1)}…`;
}
