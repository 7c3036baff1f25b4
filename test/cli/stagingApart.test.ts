/** Staging has volumes of its own, and says which secrets it shares with production. */
import * as assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EndpointServer } from './endpointServer';
import { Workspace } from './velar';

const APP = `import os
import velar

app = velar.App("keeper")
data = velar.Volume.from_name("data")


@app.function(volumes={"/data": data}, secrets=[velar.Secret.from_name("shop")])
def keep(text: str) -> str:
    path = os.path.join(data.path, "kept.txt")
    with open(path) as file:
        before = file.read()
    with open(path, "w") as file:
        file.write(text)
    return before
`;

describe('staging, apart from production', function () {
  this.timeout(240_000);
  const workspace = new Workspace({ 'keeper.py': APP });
  const server = new EndpointServer(workspace, 'keeper');
  const velar = server.velar.bind(server);
  const volumes = join(workspace.home, 'volumes');
  const kept = (volume: string): string => readFileSync(join(volumes, volume, 'kept.txt'), 'utf8');

  before(async () => {
    await server.start();
    mkdirSync(join(volumes, 'data'), { recursive: true });
    writeFileSync(join(volumes, 'data', 'kept.txt'), "production's");
    const set = workspace.start(['secret', 'set', 'shop', 'TOKEN'], {}, 'one');
    assert.equal((await set.ended).code, 0);
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  it('gets a copy of a volume at the first deploy, and says so', async () => {
    const { stderr } = await workspace.run('deploy', 'keeper.py');
    assert.match(
      stderr,
      /Staging got volume data@staging of its own, with the 12 B that data holds/,
    );
    assert.match(stderr, /both use secret shop: `velar secret set shop TOKEN --env staging`/);
    assert.equal(kept('data@staging'), "production's");
    assert.match(await velar('storage'), /data, of staging/);
  });

  it('writes into its own, whatever production reads and writes', async () => {
    await velar('promote', 'keeper', '--yes');
    const call = async (environment: string, text: string): Promise<unknown> =>
      (await server.call(environment, 'keep', { text })).json();
    assert.equal(await call('staging', "staging's"), "production's");
    assert.equal(kept('data'), "production's", 'what staging wrote stays in staging');
    assert.equal(await call('production', 'new'), "production's");
    assert.deepEqual([kept('data'), kept('data@staging')], ['new', "staging's"]);
    assert.equal(await call('staging', 'again'), "staging's");
  });

  it('keeps its own at the next deploy', async () => {
    const { stderr } = await workspace.run('deploy', 'keeper.py');
    assert.match(stderr, /Staging uses volume data@staging; production's data stays as it is/);
    assert.equal(kept('data@staging'), 'again');
  });

  it('shares a secret no more once it has its own', async () => {
    assert.match(await velar('diff', 'keeper'), /both use secret shop/);
    const set = workspace.start(['secret', 'set', 'shop', 'TOKEN', '--env', 'staging'], {}, 'two');
    assert.equal((await set.ended).code, 0);
    assert.doesNotMatch(await velar('diff', 'keeper'), /both use secret/);
    const { stderr } = await workspace.run('deploy', 'keeper.py');
    assert.doesNotMatch(stderr, /both use secret/);
  });
});
