import * as assert from 'node:assert/strict';
import { jsonLines, ofType, Workspace } from './velar';

const APP = `import velar

app = velar.App("alone")


@app.function()
def greet(name: str = "Ada") -> str:
    return f"hello {name}"
`;

describe('deploying where no runtime is running', function () {
  this.timeout(240_000);
  const workspace = new Workspace({ 'alone.py': APP });

  after(() => {
    workspace.remove();
  });

  it('says that nothing answers once the command has ended, and what to do', async () => {
    const { code, stderr, stdout } = await workspace.run('deploy', 'alone.py');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /nothing answers at the endpoints\.\n→ `velar serve`/);
    assert.doesNotMatch(`${stdout}${stderr}`, /http:/, 'no address that is dead already');
    const list = await workspace.run('deployments');
    assert.match(list.stderr, /nothing answers at the endpoints/);
  });

  it('tells it in JSON, too', async () => {
    const { stdout } = await workspace.run('deploy', 'alone.py', '--json');
    const [endpoint] = ofType(jsonLines(stdout), 'endpoint');
    assert.deepEqual([endpoint?.['qualname'], endpoint?.['stays']], ['greet', false]);
  });
});
