import * as assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const manifest = z
  .object({
    publisher: z.string(),
    name: z.string(),
    main: z.string(),
    bin: z.record(z.string(), z.string()),
    engines: z.record(z.string(), z.string()),
    scripts: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync('package.json', 'utf8')));

describe('manifest', () => {
  it('keeps the names that other parts rely on', () => {
    assert.equal(`${manifest.publisher}.${manifest.name}`, 'velar.velar');
    assert.equal(manifest.main, 'dist/extension.js');
    assert.deepEqual(manifest.bin, { velar: 'dist/cli.js' });
    assert.deepEqual(manifest.engines, { node: '>=20.19', vscode: '^1.100.0' });
  });

  it('has the npm scripts that the contract names', () => {
    for (const name of ['start', 'demo', 'test', 'bench', 'build', 'package']) {
      assert.ok(manifest.scripts[name], `npm run ${name} is missing`);
    }
  });

  it('locks every package without naming a registry', () => {
    assert.doesNotMatch(readFileSync('package-lock.json', 'utf8'), /"resolved":/);
  });
});
