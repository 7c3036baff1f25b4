import assert from 'node:assert/strict';
import type { DeployedApp, Version } from '../../runtime/protocol/deployments';
import { endpointAddress } from '../../src/client/deploy';
import {
  commitText,
  diffText,
  environmentsOf,
  nameProblem,
  servedText,
  versionOf,
} from '../../src/editor/deployments/texts';
import { spokenDeployed, spokenEnvironment, spokenVersion } from '../../src/editor/explorer/spoken';

const AT = Date.UTC(2026, 10, 24, 12);
const WHEN = new Date(AT).toLocaleString();

const version = (number: number, commit: Version['commit']): Version => ({
  app: 'hello',
  version: number,
  bundle: 'b',
  file: 'hello.py',
  functions: [],
  cpu: false,
  at: AT,
  by: 'ada',
  commit,
});

const dirty = version(2, { hash: '3f2a91bc77d0', clean: false });
const clean = version(1, { hash: '0123456789ab', clean: true });
const app: DeployedApp = {
  app: 'hello',
  protected: true,
  serves: [{ environment: 'staging', version: 2, at: AT, by: 'ada', action: 'deploy' }],
  versions: [dirty, clean],
};

describe('what is said of deployments', () => {
  it('names the commit, and marks what was in none', () => {
    assert.equal(commitText(clean), '01234567');
    assert.equal(commitText(dirty), '3f2a91bc + changes');
    assert.equal(commitText(version(3, null)), 'no git commit');
  });

  it('says of an environment its version, how it came there, when, by whom and from which commit', () => {
    const [served] = app.serves;
    assert.ok(served);
    assert.equal(
      servedText({ ...served, action: 'rollback' }, versionOf(app, 2)),
      `version 2 · rolled back ${WHEN} by ada · 3f2a91bc + changes`,
    );
  });

  it('speaks rows without the dots between their parts', () => {
    assert.equal(spokenDeployed(app), 'Deployed app hello, production protected');
    assert.equal(
      spokenEnvironment(app, 'staging'),
      `staging of hello, version 2, deployed ${WHEN} by ada, 3f2a91bc + changes`,
    );
    assert.equal(spokenEnvironment(app, 'production'), 'production of hello, serves nothing');
    assert.equal(
      spokenVersion(app, dirty),
      `version 2 of hello, in staging, ${WHEN} by ada, 3f2a91bc + changes`,
    );
  });

  it('lists the environments of a version, staging first', () => {
    const both = (['production', 'staging'] as const).map((environment) => ({
      ...{ environment, version: 1, at: AT, by: 'ada' },
      action: 'promote' as const,
    }));
    assert.deepEqual(environmentsOf({ ...app, serves: both }, 1), ['staging', 'production']);
  });

  it('makes an HTTP address of the address of the socket, names escaped', () => {
    assert.equal(
      endpointAddress('ws://127.0.0.1:4100', 'staging', 'my app', 'Model.predict'),
      'http://127.0.0.1:4100/v1/endpoints/staging/my%20app/Model.predict',
    );
    assert.equal(
      endpointAddress('wss://box:9/', 'production', 'a', 'f'),
      'https://box:9/v1/endpoints/production/a/f',
    );
  });

  it("takes the app's own name only", () => {
    assert.equal(nameProblem('hello', 'hello'), undefined);
    assert.equal(nameProblem('', 'hello'), 'Type hello to go on.');
    assert.equal(nameProblem('Hello', 'hello'), 'That is not hello.');
  });

  it('shows what changes in functions, every file, then their lines, below the box that asks', () => {
    const files = Array.from({ length: 30 }, (_, index) => ({
      path: `f${String(index)}.py`,
      change: 'changed' as const,
      ...{ before: 'a\n', after: 'b\n', hunks: ['@@ -1 +1 @@', '-a', '+b'] },
    }));
    const text = diffText('production', {
      ...{ app: 'hello', from: 1, to: 2 },
      ...{ files, lines: ['f: GPU'] },
    });
    assert.match(
      text,
      /^\n+production of hello serves version 1\.\nWith version 2, this changes:\n\nf: GPU\n~ f0/,
    );
    assert.ok(text.includes('~ f29.py\n\n--- f0.py\tversion 1\n'));
    assert.ok(text.endsWith('-a\n+b\n'));
    const first = diffText('staging', {
      ...{ app: 'hello', from: null, to: 1 },
      ...{ files: [], lines: [] },
    });
    assert.match(first, /serves nothing[^]*nothing changes/);
  });
});
