import * as assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Workspace } from './velar';

const APP = `
import velar

app = velar.App("keep")
data = velar.Volume.from_name("data")


@app.function(volumes={"/data": data})
def keep():
    with open(data.path + "/file", "w") as file:
        file.write("x" * 3000)
`;

describe('velar storage', function () {
  this.timeout(120_000);
  const workspace = new Workspace({ 'keep.py': APP });
  after(() => {
    workspace.remove();
  });

  it('lists what there is with sizes, and removes it with a word', async () => {
    const run = await workspace.run('run', 'keep.py::keep');
    assert.equal(run.code, 0, run.stderr);
    const listed = await workspace.run('storage');
    assert.match(listed.stdout, /^volume +data +3\.00 kB/m);
    assert.match(listed.stdout, /^image .* Python 3/m);
    assert.match(listed.stdout, /^runs +all .*1 run with logs/m);
    const asked = await workspace.run('storage', 'remove', 'volume', 'data');
    assert.equal(asked.code, 2);
    assert.match(asked.stderr, /--yes/);
    const removed = await workspace.run('storage', 'remove', 'volume', 'data', '--yes', '--json');
    assert.deepEqual(JSON.parse(removed.stdout), { freedBytes: 3000 });
    assert.equal(existsSync(join(workspace.home, 'volumes', 'data')), false);
    const again = await workspace.run('storage', 'remove', 'volume', 'data', '--yes');
    assert.deepEqual([again.code, /velar storage/.test(again.stderr)], [2, true]);
    assert.equal((await workspace.run('storage', 'remove', 'disk', 'x', '--yes')).code, 2);
    const pruned = await workspace.run('storage', 'prune', '--json');
    assert.deepEqual(JSON.parse(pruned.stdout), { freedBytes: 0 });
  });
});
