import assert from 'node:assert/strict';
import {
  debugpyNeed,
  downloadArguments,
  notBrought,
} from '../../../runtime/debugging/debugpyWheel';

describe('which debugpy a container gets', () => {
  it('is none where its image has one', () => {
    assert.equal(debugpyNeed('3.11.2', '1.6.3'), null);
  });

  it('is one for its own version of Python', () => {
    assert.deepEqual(debugpyNeed('3.12.1', null), { python: '3.12' });
    const args = downloadArguments({ python: '3.12' }, '/wheels', false);
    assert.equal(args[args.indexOf('--python-version') + 1], '3.12');
    assert.ok(!args.some((arg) => /index/.test(arg)), 'pip’s own configuration says where from');
  });

  it('is refused where its Python is too old, with what to do', () => {
    const need = debugpyNeed('3.7.16', null);
    assert.ok(need !== null && 'error' in need);
    assert.equal(need.error.kind, 'image');
    assert.match(need.error.message, /has Python 3\.7\.16; debugging needs 3\.8 or newer/);
    assert.match(need.error.hint ?? '', /newer Python/);
  });

  it('is told of as missing with what pip said last', () => {
    const { message, hint } = notBrought({ python: '3.11' }, 'Looking…\nERROR: No matching one\n');
    assert.match(message, /pip could not fetch one for Python 3\.11: ERROR: No matching one$/);
    assert.match(hint ?? '', /pip_install\("debugpy"\)/);
  });
});
