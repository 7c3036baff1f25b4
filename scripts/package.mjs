/** `npm run package [-- PATH]`: writes velar-<version>.vsix (or PATH) from a production build. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ensureDependencies, runMain } from './lib/tree.mjs';

await runMain(async () => {
  const target = process.argv[2];
  await ensureDependencies();
  const { makeVsix } = await import('./lib/vsix.mjs');
  const path = await makeVsix(target === undefined ? undefined : resolve(target));
  console.log(`${path} (${Math.round(statSync(path).size / 1000)} kB)`);
});
