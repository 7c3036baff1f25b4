/** What the process engine leaves out of an image and of a function's options, and how that is said. Pure. */
import type { FunctionOptions, ImageDescription, ImageLayer } from '../protocol/description';

/** One thing that was asked for and is not done. */
export interface NotApplied {
  /** As the person wrote it: an option's or a method's name. */
  name: string;
  /** The name with what was asked for, such as `memory=2048`. */
  full: string;
}

/** A note with more characters than this names things without their values, to fit a column of the panel. */
const ROOM_FOR_VALUES = 50;

/** Base and layers that need more than a virtual environment: this machine's own system is used. */
export function imageNotApplied(image: ImageDescription): NotApplied[] {
  return [...baseNotApplied(image), ...image.layers.flatMap(layerNotApplied)];
}

/** Options that a plain process of this machine can't have. */
export function optionsNotApplied(options: FunctionOptions): NotApplied[] {
  const found: NotApplied[] = [];
  const option = (name: string, value: number): void => {
    found.push({ name, full: `${name}=${value}` });
  };
  if (options.cpu !== null) option('cpu', options.cpu);
  if (options.memoryMiB !== null) option('memory', options.memoryMiB);
  return found;
}

/** For a phase's detail, such as `not applied: apt, memory`; undefined where everything is applied. */
export function notAppliedNote(found: readonly NotApplied[]): string | undefined {
  if (found.length === 0) return undefined;
  const full = found.map((each) => each.full).join(', ');
  const names = [...new Set(found.map((each) => each.name))].join(', ');
  return `not applied: ${full.length > ROOM_FOR_VALUES ? names : full}`;
}

/** Volumes are there, but not at the path that was asked for: that would be a place of the person's own machine. */
export function volumesNote({ volumes }: FunctionOptions): string | undefined {
  return Object.keys(volumes).length === 0 ? undefined : 'volumes at another path (Volume.path)';
}

/** A phase's detail with a note behind it. */
export function withNote(text: string, note: string | undefined): string {
  return note === undefined ? text : `${text} · ${note}`;
}

function baseNotApplied({ base }: ImageDescription): NotApplied[] {
  switch (base.kind) {
    case 'debian_slim':
      return [];
    case 'registry':
      return [{ name: 'base image', full: `base image ${base.tag}` }];
    case 'dockerfile':
      return [{ name: 'Dockerfile', full: `Dockerfile ${base.path}` }];
  }
}

function layerNotApplied(layer: ImageLayer): NotApplied[] {
  switch (layer.kind) {
    case 'apt':
      return [{ name: 'apt', full: `apt ${layer.packages.join(' ')}` }];
    case 'run': {
      const commands = layer.commands.map((command) => `"${command}"`).join(' ');
      return [{ name: 'run_commands', full: `run_commands ${commands}` }];
    }
    // Absolute places in an image; on the person's own machine they are not Velar's to write.
    case 'workdir':
      return [{ name: 'workdir', full: `workdir ${layer.path}` }];
    case 'localFile':
      return [{ name: 'add_local_file', full: `add_local_file ${layer.target}` }];
    case 'localDir':
      return [{ name: 'add_local_dir', full: `add_local_dir ${layer.target}` }];
    case 'pip':
    case 'requirements':
    case 'env':
      return [];
  }
}
