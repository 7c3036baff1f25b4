import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPython, rememberPython } from '../../../runtime/images/python';
import { VelarError } from '../../../runtime/protocol/errors';

describe('the Python of the runtime', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'velar-python-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('that was missing is found once it is there, and then remembered', async () => {
    const { executable } = await findPython({ environment: process.env });
    const wanted = join(folder, 'python-of-mine');
    const python = rememberPython({ wanted, environment: process.env });
    await assert.rejects(python(), (error) => {
      assert.ok(error instanceof VelarError);
      assert.equal(error.code, 'python-missing');
      assert.ok(error.message.includes(wanted), error.message);
      assert.match(error.hint ?? '', /VELAR_PYTHON/);
      return true;
    });
    await symlink(executable, wanted);
    const found = await python();
    await rm(wanted);
    assert.equal(await python(), found);
  });
});
