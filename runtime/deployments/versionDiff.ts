/** What changes from one version to another, for people. Pure. */
import type { DeployedFunction, Version, VersionDiff } from '../protocol/deployments';
import type { FileEntry } from '../protocol/methods';
import { imageChanges } from './imageDiff';
import { cardChanges, changed, gpuText, optionChanges, rateText, type Hourly } from './optionDiff';

export interface DiffSide {
  version: Version;
  /** Undefined where its bundle is no longer on the disk. */
  files: readonly FileEntry[] | undefined;
}

export function diffVersions(
  from: DiffSide | undefined,
  to: DiffSide,
  hourly: Hourly,
): VersionDiff {
  const gone = [from, to].flatMap((side) =>
    side !== undefined && side.files === undefined ? [side.version.version] : [],
  );
  return {
    from: from?.version.version ?? null,
    to: to.version.version,
    files: gone.length > 0 ? [] : diffFiles(from?.files ?? [], to.files ?? []),
    lines: [
      ...gone.map(
        (number) =>
          `files of version ${number} are no longer on the runtime: its code is not compared`,
      ),
      ...diffFunctions(from?.version.functions ?? [], to.version.functions, hourly),
      ...(from === undefined ? [] : fallBack(from.version, to.version)),
    ],
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

/** A change that several functions share, as with their image, is one line. */
function diffFunctions(
  before: readonly DeployedFunction[],
  after: readonly DeployedFunction[],
  hourly: Hourly,
): string[] {
  const old = new Map(before.map((fn) => [fn.qualname, fn]));
  const fresh = new Map(after.map((fn) => [fn.qualname, fn]));
  const names = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  const lines: string[] = [];
  const sharing = new Map<string, string[]>();
  for (const name of names) {
    const [was, is] = [old.get(name), fresh.get(name)];
    if (is === undefined) lines.push(`${name} is removed: its endpoint answers 404`);
    else if (was === undefined) {
      lines.push(`${name} is new, on ${gpuText(is)}, ${rateText(is, hourly)} while warm`);
    } else {
      for (const change of changes(was, is, hourly)) {
        sharing.set(change, [...(sharing.get(change) ?? []), name]);
      }
    }
  }
  const shared = [...sharing].map(([change, of]) => ({ who: of.join(', '), change }));
  // Stable: what one function changes stays together, in its own order.
  shared.sort((a, b) => (a.who < b.who ? -1 : a.who > b.who ? 1 : 0));
  return [...lines, ...shared.map(({ who, change }) => `${who}: ${change}`)];
}

function changes(was: DeployedFunction, is: DeployedFunction, hourly: Hourly): string[] {
  return [
    ...cardChanges(was, is, hourly),
    ...changed('parameters', parametersText(was), parametersText(is)),
    ...changed('answers', answersText(was), answersText(is)),
    ...optionChanges(was, is),
    ...(was.imageKey === is.imageKey ? [] : imageChanges(was.image, is.image)),
  ];
}

function fallBack(was: Version, is: Version): string[] {
  const text = ({ cpu }: Version): string => (cpu ? 'allowed' : 'not allowed');
  return changed('GPU functions on CPU where there is no GPU:', text(was), text(is));
}

function answersText({ generator }: DeployedFunction): string {
  return generator ? 'item by item' : 'at once';
}

function parametersText({ parameters }: DeployedFunction): string {
  const texts = parameters.map(({ name, annotation, default: value }) => {
    const typed = annotation === null ? name : `${name}: ${annotation}`;
    return value === null ? typed : `${typed} = ${value}`;
  });
  return `(${texts.join(', ')})`;
}
