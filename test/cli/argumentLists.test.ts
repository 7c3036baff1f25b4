import * as assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkArguments, parseCallArguments } from '../../src/cli/argumentLists';
import { PythonDocument } from '../../src/discovery/parse';

const NAMES = { args: '--args', kwargs: '--kwargs' };

function args(text: string): unknown[] {
  return parseCallArguments(text, undefined, NAMES).args;
}

function parametersOf(signature: string) {
  const source = `import velar\napp = velar.App("a")\n@app.function()\ndef f(${signature}): pass\n`;
  return new PythonDocument(source).functions()[0]?.parameters ?? [];
}

describe('--args and --kwargs', () => {
  it('take JSON and Python literals, mixed', () => {
    assert.deepEqual(args('["a, b", true, null]'), [
      { json: 'a, b' },
      { json: true },
      { json: null },
    ]);
    assert.deepEqual(args("(1, 'it\\'s', (2, 3), {1: [4]},)"), [
      { literal: '1' },
      { literal: "'it\\'s'" },
      { literal: '(2, 3)' },
      { literal: '{1: [4]}' },
    ]);
    assert.deepEqual(args('[]'), []);
    assert.deepEqual(parseCallArguments(undefined, `{"a": {"b": ":"}, 'c': b"x"}`, NAMES).kwargs, {
      a: { json: { b: ':' } },
      c: { literal: 'b"x"' },
    });
  });

  it('keep integers that JavaScript can not hold', () => {
    assert.deepEqual(args('[12345678901234567890]'), [{ literal: '12345678901234567890' }]);
  });

  it('take any JSON text item by item', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 5 }), (values) => {
        assert.deepEqual(
          args(JSON.stringify(values)),
          values.map((value) => ({ json: value })),
        );
      }),
    );
  });

  it('say what is wrong', () => {
    assert.throws(() => args('5'), /--args takes a list, not 5/);
    assert.throws(() => args('[a]'), /item 1 of --args/);
    assert.throws(() => args('[1'), /--args takes a list/);
    assert.throws(() => parseCallArguments(undefined, '{a: 1}', NAMES), /"name": value belongs/);
    assert.throws(() => parseCallArguments(undefined, '{"a":1,"a":2}', NAMES), /a twice/);
  });
});

describe('arguments against a signature', () => {
  const check =
    (signature: string, positional: string, named = '{}') =>
    () => {
      checkArguments('f', parametersOf(signature), parseCallArguments(positional, named, NAMES));
    };

  it('pass where Python would take them', () => {
    check('a, b=1, *, c=2', '[1]', '{"c": 3}')();
    check('*a, **k', '[1, 2, 3]', '{"z": 1}')();
    check('a, /, b', '[1]', '{"b": 2}')();
  });

  it('are refused before anything is sent where Python would refuse them', () => {
    assert.throws(check('a', '[1, 2]'), /takes 1 positional argument, 2 given/);
    assert.throws(check('a, b', '[1]'), /needs b/);
    assert.throws(check('a', '[1]', '{"a": 2}'), /a twice/);
    assert.throws(check('a=1', '[]', '{"b": 2}'), /no argument "b"/);
    assert.throws(check('a, /', '[]', '{"a": 2}'), /no argument "a"/);
  });
});
