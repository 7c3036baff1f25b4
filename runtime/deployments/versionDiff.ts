/** What changes from one version to another, for people. Pure. */
import type { DeployedFunction, Version, VersionDiff } from '../protocol/deployments';
import type { FileEntry } from '../protocol/methods';

export interface DiffSide {
  version: Version;
  files: readonly FileEntry[];
}

/** `hourly`: dollars of an hour in a container of the function, undefined where no price is known. */
export function diffVersions(
  from: DiffSide | undefined,
  to: DiffSide,
  hourly: (fn: DeployedFunction) => number | undefined,
): VersionDiff {
  return {
    from: from?.version.version ?? null,
    to: to.version.version,
    files: diffFiles(from?.files ?? [], to.files),
    lines: diffFunctions(from?.version.functions ?? [], to.version.functions, hourly),
  };
}

function diffFiles(
  before: readonly FileEntry[],
  after: readonly FileEntry[],
): VersionDiff['files'] {
  const old = new Map(before.map((file) => [file.path, file]));
  const fresh = new Map(after.map((file) => [file.path, file]));
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return paths.flatMap((path): VersionDiff['files'] => {
    const [was, is] = [old.get(path), fresh.get(path)];
    if (was === undefined) return [{ path, change: 'added' }];
    if (is === undefined) return [{ path, change: 'removed' }];
    const same = was.sha256 === is.sha256 && was.mode === is.mode;
    return same ? [] : [{ path, change: 'changed' }];
  });
}

function diffFunctions(
  before: readonly DeployedFunction[],
  after: readonly DeployedFunction[],
  hourly: (fn: DeployedFunction) => number | undefined,
): string[] {
  const old = new Map(before.map((fn) => [fn.qualname, fn]));
  const fresh = new Map(after.map((fn) => [fn.qualname, fn]));
  const names = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [old.get(name), fresh.get(name)];
    if (is === undefined) return [`${name} is removed: its endpoint answers 404`];
    if (was === undefined) return [`${name} is new, on ${gpuText(is)}`];
    return changes(was, is, hourly).map((change) => `${name}: ${change}`);
  });
}

function changes(
  was: DeployedFunction,
  is: DeployedFunction,
  hourly: (fn: DeployedFunction) => number | undefined,
): string[] {
  const lines: string[] = [];
  const note = (what: string, before: unknown, after: unknown): void => {
    const [a, b] = [before, after].map(textOf);
    if (a !== b) lines.push(`${what} ${a} → ${b}`);
  };
  note('GPU', gpuText(was), gpuText(is));
  note('an hour costs', costText(hourly(was)), costText(hourly(is)));
  note('parameters', parametersText(was), parametersText(is));
  const options = new Set([...Object.keys(was.options), ...Object.keys(is.options)]);
  for (const option of [...options].sort()) {
    if (option === 'gpu') continue;
    const [a, b] = [was, is].map(({ options: all }) => all[option as keyof typeof all]);
    note(optionName(option), a, b);
  }
  if (was.imageKey !== is.imageKey) lines.push(...imageChanges(was, is));
  return lines;
}

function imageChanges(was: DeployedFunction, is: DeployedFunction): string[] {
  const [before, after] = [was, is].map(({ image }) =>
    [image.base, ...image.layers].map(({ file: _file, line: _line, ...content }) =>
      textOf(content),
    ),
  ) as [string[], string[]];
  const gone = before
    .filter((step) => !after.includes(step))
    .map((step) => `image without ${step}`);
  const come = after.filter((step) => !before.includes(step)).map((step) => `image with ${step}`);
  return [...gone, ...come].length === 0
    ? ['image changes by the files it takes']
    : [...gone, ...come];
}

function gpuText({ options: { gpu } }: DeployedFunction): string {
  if (gpu.length === 0) return 'CPU';
  return gpu.map(({ name, count }) => (count === 1 ? name : `${name}:${count}`)).join(' or ');
}

function costText(usd: number | undefined): string {
  return usd === undefined ? 'nothing that is known' : `${usd.toFixed(2)} USD`;
}

function parametersText({ parameters }: DeployedFunction): string {
  const texts = parameters.map(({ name, annotation, default: value }) => {
    const typed = annotation === null ? name : `${name}: ${annotation}`;
    return value === null ? typed : `${typed} = ${value}`;
  });
  return `(${texts.join(', ')})`;
}

/** The option as it is written in Python. */
function optionName(option: string): string {
  const plain = option.replace(/Ms$|MiB$/, '');
  return plain.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
