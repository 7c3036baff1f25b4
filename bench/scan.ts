/** A scan of 10,000 Python files, 200 of them with functions. Goal: at most 3 times `rg -l` plus reading the hits. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkspaceDiscovery } from '../src/client/discover';
import { figure, median, type Figure } from './support/statistics';

export const name = 'scan';

const FILES = 10_000;
const HIT_EVERY = 50;
const TIMES = 5;

export async function* run(): AsyncGenerator<Figure> {
  const root = mkdtempSync(join(tmpdir(), 'velar-bench-scan-'));
  try {
    writeWorkspace(root);
    const floors: number[] = [];
    const scans: number[] = [];
    // In turn, so that both see the same page cache and the same neighbours.
    for (let time = 0; time < TIMES; time += 1) {
      let started = performance.now();
      const hits = execFileSync('rg', ['-l', 'velar', '--glob', '*.py', root], {
        encoding: 'utf8',
        maxBuffer: 64 << 20,
      });
      for (const path of hits.trim().split('\n')) readFileSync(path);
      floors.push(performance.now() - started);
      started = performance.now();
      const found = await new WorkspaceDiscovery([root]).scan({
        signal: new AbortController().signal,
      });
      scans.push(performance.now() - started);
      void found;
    }
    yield figure('scan of 10,000 files', median(scans), 'ms', median(floors));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function writeWorkspace(root: string): void {
  const plain = 'import os\n\n\ndef work(path):\n    return os.path.join(path, "x")\n'.repeat(40);
  for (let index = 0; index < FILES; index += 1) {
    const folder = join(root, `package_${index % 100}`);
    if (index < 100) mkdirSync(folder, { recursive: true });
    const hit = `import velar\napp = velar.App("a${index}")\n\n\n@app.function(gpu="L4")\ndef run(x: int):\n    return x\n\n\n`;
    writeFileSync(
      join(folder, `module_${index}.py`),
      index % HIT_EVERY === 0 ? hit + plain : plain,
    );
  }
}
