/** `npm run build [-- --production]`, `npm run watch`: writes dist/, installing packages first if needed. */
import { build, ensureDependencies, runMain } from './lib/tree.mjs';

await runMain(async () => {
  await ensureDependencies();
  if (process.argv.includes('--watch')) {
    const { watchDist } = await import('../esbuild.config.mjs');
    await watchDist();
    return;
  }
  await build({ production: process.argv.includes('--production') });
});
