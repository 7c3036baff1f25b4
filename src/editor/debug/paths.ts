/** Which file here is which file in the container: the bundle's files, both ways. Pure. */

export interface PathMapOptions {
  /** Folder of the bundle as this machine writes it, and as it is without symbolic links. */
  readonly roots: readonly string[];
  /** Folder in the container that holds the bundle's files. */
  readonly remoteRoot: string;
  /** Files of the bundle, relative with `/`; undefined where they are not known. */
  readonly files: ReadonlySet<string> | undefined;
  /** Bundle paths of documents that are no file, with the address the editor has for them. */
  readonly documents: ReadonlyMap<string, string>;
  /** Bundle paths that are one and the same file by way of symbolic links; only where there are several. */
  readonly aliases: readonly (readonly string[])[];
}

/** Paths of Windows: case means nothing, and both slashes part names. */
function isWindows(path: string): boolean {
  return /^[A-Za-z]:[\\/]|^\\\\/.test(path);
}

/** For comparing. */
function normal(path: string, windows: boolean): string {
  const slashed = windows ? path.replaceAll('\\', '/').toLowerCase() : path;
  return slashed.length > 1 && slashed.endsWith('/') ? slashed.slice(0, -1) : slashed;
}

/** What is left of a path inside a folder, with `/`; undefined outside of it. */
function within(folder: string, path: string): string | undefined {
  const windows = isWindows(folder);
  const start = normal(folder, windows);
  const prefix = start.endsWith('/') ? start : `${start}/`;
  if (!normal(path, windows).startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  return windows ? rest.replaceAll('\\', '/') : rest;
}

function joined(folder: string, rest: string): string {
  const windows = isWindows(folder) && folder.includes('\\');
  const separator = windows ? '\\' : '/';
  const start = folder.endsWith(separator) ? folder : `${folder}${separator}`;
  return `${start}${windows ? rest.replaceAll('/', '\\') : rest}`;
}

export class PathMap {
  /** Bundle paths by what they are compared by: a Windows client may write them in another case. */
  private readonly files: ReadonlyMap<string, string> | undefined;
  private readonly documents: ReadonlyMap<string, string>;
  private readonly sameFile = new Map<string, readonly string[]>();
  /** By bundle path: how the editor named it last. */
  private readonly asked = new Map<string, string>();
  private readonly root: string;

  constructor(private readonly options: PathMapOptions) {
    this.root = options.roots[0] ?? '';
    this.files =
      options.files === undefined
        ? undefined
        : new Map([...options.files].map((file) => [this.comparable(file), file]));
    this.documents = new Map([...options.documents].map(([file, address]) => [address, file]));
    for (const group of options.aliases) {
      for (const file of group) this.sameFile.set(file, group);
    }
  }

  /** Paths in the container of a file that the editor names; several where links lead to it; none outside of the bundle. */
  toRemote(local: string): string[] {
    const file = this.bundlePath(local);
    if (file === undefined) return [];
    const all = this.sameFile.get(file) ?? [file];
    for (const each of all) this.asked.set(each, local);
    return all.map((each) => joined(this.options.remoteRoot, each));
  }

  /** What the editor calls a file of the container; undefined for one that is not of the bundle. */
  toLocal(remote: string): string | undefined {
    const file = within(this.options.remoteRoot, remote);
    if (file === undefined) return undefined;
    return this.asked.get(file) ?? this.options.documents.get(file) ?? joined(this.root, file);
  }

  /** Puts names of this machine into a text that names files of the container, such as a traceback. */
  textToLocal(text: string): string {
    const { remoteRoot } = this.options;
    const start = joined(remoteRoot, '');
    return text
      .split(start)
      .map((piece, index) => (index === 0 ? piece : `${joined(this.root, '')}${piece}`))
      .join('');
  }

  /** The bundle's name for a file; undefined where it has none. */
  bundlePath(local: string): string | undefined {
    const document = this.documents.get(local);
    if (document !== undefined) return document;
    for (const root of this.options.roots) {
      const file = within(root, local);
      if (file === undefined) continue;
      if (this.files === undefined) return file;
      const known = this.files.get(this.comparable(file));
      if (known !== undefined) return known;
    }
    return undefined;
  }

  private comparable(file: string): string {
    return isWindows(this.root) ? file.toLowerCase() : file;
  }
}

/** The last part of a path of any system. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
