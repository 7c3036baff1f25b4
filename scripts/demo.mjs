/**
 * `npm run demo [-- TARGET option…]`: the main job without an editor, an example run through the
 * embedded runtime: phases, logs, memory, cost and result.
 */
import { join } from 'node:path';
import { execute } from './lib/process.mjs';
import { ROOT, ensureBuilt, ensureDependencies, runMain } from './lib/tree.mjs';

/** From the examples' own folder, so that nothing but them is sent. */
const DEFAULT = { target: ['hello.py::hello'], cwd: join(ROOT, 'examples') };

await runMain(async () => {
  await ensureDependencies();
  await ensureBuilt();
  const wanted = process.argv.slice(2);
  // The command line handles Ctrl-C itself: it cancels the run and ends the runtime.
  process.on('SIGINT', () => undefined);
  const { target, cwd } = wanted.length > 0 ? { target: wanted, cwd: ROOT } : DEFAULT;
  return execute(process.execPath, [join(ROOT, 'dist', 'cli.js'), 'run', ...target], { cwd });
});
