/** Folders on disk for the tests of bundles. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TestWorkspace {
  readonly root: string;
  write(path: string, content: string | Uint8Array): void;
  remove(): void;
}

/** A folder with these files, all written long enough ago that their times count. */
export function makeWorkspace(files: Readonly<Record<string, string>>): TestWorkspace {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'velar-bundle-')));
  const past = new Date(Date.now() - 60_000);
  const folders = new Set([root]);
  const workspace: TestWorkspace = {
    root,
    write(path, content) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    },
    remove() {
      rmSync(root, { recursive: true, force: true });
    },
  };
  for (const [path, content] of Object.entries(files)) {
    workspace.write(path, content);
    utimesSync(join(root, path), past, past);
    for (let folder = dirname(join(root, path)); folder !== root; folder = dirname(folder)) {
      folders.add(folder);
    }
  }
  for (const folder of folders) utimesSync(folder, past, past);
  return workspace;
}
