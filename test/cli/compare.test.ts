import * as assert from 'node:assert/strict';
import type { TryComparison } from '../../runtime/protocol/tryState';
import { inputsOfLines, inputsOfOptions } from '../../src/cli/compareInputs';
import { EndpointServer } from './endpointServer';
import { Workspace } from './velar';

const app = (price: number): string => `import velar

app = velar.App("shop")


@app.function()
def quote(item: str, times: int = 1) -> dict:
    return {"item": item, "total": (10 if item == "lamp" else ${String(price)}) * times}


@app.cls()
class Adder:
    def __init__(self, base: int):
        self.base = base

    @velar.method()
    def add(self, more: int) -> int:
        return self.base + more
`;

describe('inputs of a comparison', () => {
  it('come from repeated options, which go together in their order', () => {
    const inputs = inputsOfOptions(['[1]', '[2]'], ['{"a": true}'], {});
    assert.deepEqual(
      inputs.map(({ label, call }) => [label, call.arguments]),
      [
        ['[1] {"a": true}', { args: [{ literal: '1' }], kwargs: { a: { json: true } } }],
        ['[2]', { args: [{ literal: '2' }], kwargs: {} }],
      ],
    );
    assert.deepEqual(
      inputsOfOptions([], [], {}).map(({ call }) => call.arguments),
      [{ args: [], kwargs: {} }],
    );
  });

  it('come one a line: a list, an object by name, or both', () => {
    const lines = inputsOfLines(
      '["lamp", 3]\n\n{"item": "desk"}\r\n{"args": [1], "kwargs": {"b": 2}, "instance": {"base": 40}}\n',
    );
    assert.deepEqual(
      lines.map(({ call }) => call),
      [
        { arguments: { args: [{ json: 'lamp' }, { json: 3 }], kwargs: {} } },
        { arguments: { args: [], kwargs: { item: { json: 'desk' } } } },
        {
          arguments: { args: [{ json: 1 }], kwargs: { b: { json: 2 } } },
          instance: { args: [], kwargs: { base: { json: 40 } } },
        },
      ],
    );
    assert.throws(() => inputsOfLines('[1]\nlamp\n'), /Line 2 of the inputs/);
    assert.throws(() => inputsOfLines('\n'), /empty/);
  });
});

describe('comparing staging with production', function () {
  this.timeout(240_000);
  const workspace = new Workspace({ 'shop.py': app(10) });
  const server = new EndpointServer(workspace, 'shop');

  before(async () => {
    await server.start();
    await server.velar('deploy', 'shop.py', '--env', 'production');
    workspace.write('shop.py', app(12));
    await server.velar('deploy', 'shop.py');
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  it('shows which inputs give other results, and ends with 1', async () => {
    workspace.write('inputs.jsonl', '["lamp", 3]\n{"item": "desk", "times": 3}\n');
    const { code, stdout } = await workspace.run(
      ...['compare', 'shop.quote', '--inputs', 'inputs.jsonl', '--calls', '2'],
    );
    assert.equal(code, 1, stdout);
    assert.match(stdout, /STAGING \(version 2\) +PRODUCTION \(version 1\)/);
    assert.match(stdout, /^Latency p50 +[\d.<]+ m?s .*^Latency p95 +[\d.<]+ m?s/ms);
    assert.match(stdout, /^Memory peak.*^Cost per call +\$0/ms);
    assert.match(stdout, /Results differ in 2 of 4 pairs of calls/);
    assert.match(stdout, /\["lamp", 3\]: equal in 2 pairs\n.*"desk".*differs in 2 of 2 pairs/);
    assert.match(stdout, /total\n +− 30\n +\+ 36/);
  });

  it('ends with 0 where results are equal, or within the tolerance', async () => {
    const same = await workspace.run(
      ...['compare', 'shop.quote', '--args', '["lamp"]', '--calls', '1', '--json'],
    );
    assert.equal(same.code, 0, same.stderr);
    const view = JSON.parse(same.stdout) as TryComparison;
    assert.deepEqual([view.pairs, view.differing, view.staging.done], [1, 0, 1]);
    const near = await workspace.run(
      ...['compare', 'shop.quote', '--args', '["desk"]', '--calls', '1', '--tolerance', '0.5'],
    );
    assert.equal(near.code, 0, near.stdout);
  });

  it('calls methods, and refuses what is not served', async () => {
    const method = await workspace.run(
      ...['compare', 'shop.Adder.add', '--args', '[2]', '--calls', '1'],
      ...['--instance-kwargs', '{"base": 40}'],
    );
    assert.equal(method.code, 0, `${method.stdout}${method.stderr}`);
    const unknown = await workspace.run('compare', 'shop.nothing');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /In staging, shop serves no function nothing/);
  });

  it('ends with 1 where calls fail', async () => {
    const { code, stdout } = await workspace.run('compare', 'shop.quote', '--calls', '1');
    assert.equal(code, 1);
    assert.match(stdout, /0 returned \(1 failed\)/);
  });
});
