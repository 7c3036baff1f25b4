/**
 * `npm run bench [-- name…]`: runs bench/*.ts, each in a process of its own so that none warms or
 * burdens the next, and prints one JSON object a line:
 *   {"bench", "value", "unit", "floor", "ratio"}
 * A name picks the benches whose name or file contains it. Everything else goes to stderr.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execute } from './lib/process.mjs';
import { ROOT, ensureBuilt, ensureDependencies, runMain } from './lib/tree.mjs';

/** How runOne.mjs says that the bench was not asked for. */
const SKIPPED = 77;

await runMain(async () => {
  const wanted = process.argv.slice(2);
  await ensureDependencies();
  await ensureBuilt();
  const folder = join(ROOT, 'bench');
  const files = existsSync(folder)
    ? readdirSync(folder).filter((file) => file.endsWith('.ts'))
    : [];
  const { compile } = await import('../esbuild.config.mjs');
  await compile(
    'bench',
    files.map((file) => `bench/${file}`),
  );
  let failed = 0;
  let ran = 0;
  for (const file of files.sort()) {
    const module = join(ROOT, '.build', 'bench', file.replace(/\.ts$/, '.js'));
    const runner = join(ROOT, 'scripts', 'bench', 'runOne.mjs');
    const code = await execute(
      process.execPath,
      ['--enable-source-maps', '--expose-gc', runner, module, ...wanted],
      { cwd: ROOT },
    );
    if (code !== SKIPPED) ran += 1;
    if (code !== 0 && code !== SKIPPED) failed += 1;
  }
  if (ran === 0) {
    console.error(`No bench is called "${wanted.join(' ')}"; see bench/.`);
    return 2;
  }
  return failed > 0 ? 1 : 0;
});
