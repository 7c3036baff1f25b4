import * as assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPython } from '../../src/client/python';

describe('finding Python', function () {
  this.timeout(60_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'velar-python-'));
    for (const [name, version] of [
      ['old', '3.8.1'],
      ['new', '3.12.0'],
    ] as const) {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/sh\necho /real/${name}\necho ${version}\n`);
      chmodSync(path, 0o755);
    }
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('takes the person’s choice before all others, and what that really is', async () => {
    const found = await findPython(join(folder, 'new'), undefined, { VELAR_PYTHON: '/nowhere' });
    assert.deepEqual(found, { executable: '/real/new', version: '3.12.0' });
  });

  it('does not fall back when what was chosen is too old', async () => {
    await assert.rejects(findPython(join(folder, 'old')), {
      code: 'python-missing',
      message: /is Python 3\.8\.1/,
    });
  });

  it('finds one on PATH', async () => {
    const { version } = await findPython(undefined, undefined, { PATH: process.env['PATH'] });
    assert.match(version, /^3\.\d+\.\d+$/);
  });

  it('says so when there is none', async () => {
    await assert.rejects(findPython(undefined, undefined, { PATH: folder }), {
      code: 'python-missing',
      message: /no python3/,
    });
  });
});
