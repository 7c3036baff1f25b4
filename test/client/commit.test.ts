import assert from 'node:assert/strict';
import { asShipped } from '../../src/client/commit';

const COMMIT = { hash: 'a'.repeat(40), clean: true };

describe('the commit of files that are sent', () => {
  const of = (...unsaved: string[]) =>
    asShipped(COMMIT, unsaved, '/project', ['app.py', 'lib/a.py']);

  it('is clean where all that is sent is saved', () => {
    assert.deepEqual(of(), COMMIT);
    assert.deepEqual(of('/project/other.py', '/elsewhere/app.py'), COMMIT);
  });

  it('is not where a file among them has text that is not', () => {
    assert.deepEqual(of('/project/lib/a.py'), { ...COMMIT, clean: false });
  });

  it('is none where there is none', () => {
    assert.equal(asShipped(null, ['/project/app.py'], '/project', ['app.py']), null);
  });
});
