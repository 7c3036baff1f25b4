/** `node scripts/docker/shell.mjs`: the Docker engine of the tests, to try things by hand until Ctrl-C. */
import { runMain } from '../lib/tree.mjs';
import { startDocker } from './daemon.mjs';

await runMain(async () => {
  const { env, stop } = await startDocker();
  for (const [name, value] of Object.entries(env)) console.log(`export ${name}=${value}`);
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await stop();
  return 0;
});
