import * as assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { collectArguments, isRequired } from '../../../src/client/arguments/collect';
import { choicesOf, parseArgument } from '../../../src/client/arguments/parseArgument';
import { readPythonLiteral } from '../../../src/client/arguments/pythonLiteral';
import type { Parameter, ParameterKind } from '../../../src/discovery/model';

function parameter(
  name: string,
  annotation?: string,
  fallback?: string,
  kind: ParameterKind = 'positional_or_keyword',
): Parameter {
  return { name, annotation, default: fallback, kind };
}

function valueOf(text: string, annotation?: string): unknown {
  const parsed = parseArgument(text, annotation);
  return parsed.ok ? parsed.value : parsed.problem;
}

describe('a typed argument', () => {
  it('is plain text where the annotation says str', () => {
    assert.deepEqual(valueOf('Once upon a time', 'str'), { json: 'Once upon a time' });
    assert.deepEqual(valueOf('42', 'str'), { json: '42' });
    assert.deepEqual(valueOf('"quoted"', 'str'), { json: 'quoted' });
    assert.deepEqual(valueOf("'it''s'", 'str'), { literal: "'it''s'" });
    assert.deepEqual(valueOf("it's", 'str | None'), { json: "it's" });
    assert.deepEqual(valueOf('None', 'Optional[str]'), { literal: 'None' });
    assert.deepEqual(valueOf('None', 'str'), { json: 'None' });
  });

  it('keeps the difference between 1 and 1.0, and large whole numbers', () => {
    assert.deepEqual(valueOf('1.0', 'float'), { literal: '1.0' });
    assert.deepEqual(valueOf('12345678901234567890', 'int'), { literal: '12345678901234567890' });
    assert.deepEqual(valueOf('[1.0, 2]'), { literal: '[1.0, 2]' });
  });

  it('may be JSON or a Python literal', () => {
    assert.deepEqual(valueOf('{"a": true}', 'dict'), { json: { a: true } });
    assert.deepEqual(valueOf("{'a': (1, None)}", 'dict[str, Any]'), {
      literal: "{'a': (1, None)}",
    });
    assert.deepEqual(valueOf('{1, 2}', 'set[int]'), { literal: '{1, 2}' });
    assert.deepEqual(valueOf('b"\\x00"', 'bytes'), { literal: 'b"\\x00"' });
  });

  it('that does not fit is refused with an example of what does', () => {
    assert.match(String(valueOf('many', 'int')), /Expected int: a whole number such as 3/);
    assert.match(String(valueOf('1.5', 'int')), /Expected int/);
    assert.match(String(valueOf('[1, "x"]', 'list[int]')), /Expected list\[int\]/);
    assert.match(String(valueOf('(1, 2, 3)', 'tuple[int, int]')), /Expected tuple/);
    assert.match(String(valueOf('hello there')), /For text, use quotes: "hello there"/);
    assert.match(String(valueOf('__import__("os")', 'int')), /Expected int/);
  });

  it('of a Literal is one of its values, with or without quotes', () => {
    assert.deepEqual(choicesOf('Literal["fp16", "int8"]'), ['"fp16"', '"int8"']);
    assert.deepEqual(choicesOf('bool'), ['True', 'False']);
    assert.deepEqual(choicesOf('int'), []);
    assert.deepEqual(valueOf('fp16', 'Literal["fp16", "int8"]'), { json: 'fp16' });
    assert.match(String(valueOf('fp32', 'Literal["fp16", "int8"]')), /"fp16", or "int8"/);
  });

  it('for a type of the person own is any JSON or Python value', () => {
    assert.deepEqual(valueOf('{"x": 1}', 'MyConfig'), { literal: '{"x": 1}' });
  });
});

describe('the arguments of a call', () => {
  it('go by keyword, and what is left out takes its default', () => {
    const parameters = [parameter('prompt', 'str'), parameter('steps', 'int', '20')];
    assert.deepEqual(collectArguments(parameters, { prompt: 'a cat' }), {
      ok: true,
      arguments: { args: [], kwargs: { prompt: { json: 'a cat' } } },
    });
    const missing = collectArguments(parameters, {});
    assert.ok(!missing.ok && missing.parameter === 'prompt');
  });

  it('go by position before *args and for positional-only parameters', () => {
    const parameters = [
      parameter('a', 'int', '1', 'positional_only'),
      parameter('b', 'int', '2'),
      parameter('rest', 'int', undefined, 'var_positional'),
      parameter('more', undefined, undefined, 'var_keyword'),
    ];
    assert.ok(parameters.every((each) => !isRequired(each)));
    assert.deepEqual(collectArguments(parameters, { rest: '[7, 8]', more: '{"z": 9}' }), {
      ok: true,
      arguments: {
        args: [{ literal: '1' }, { literal: '2' }, { json: 7 }, { json: 8 }],
        kwargs: { z: { json: 9 } },
      },
    });
  });

  it('name the parameter whose default can not stand in', () => {
    const parameters = [
      parameter('a', undefined, 'make()', 'positional_only'),
      parameter('b', 'int', '2', 'positional_only'),
    ];
    const collected = collectArguments(parameters, { b: '3' });
    assert.ok(!collected.ok && collected.parameter === 'a' && collected.problem.includes('make()'));
  });
});

describe('Python literals', () => {
  it('are recognised exactly where Python itself recognises them', () => {
    const atoms = [
      ...[
        '1',
        '01',
        '0x_ff',
        '1_0',
        '1__0',
        '1.',
        '.5',
        '1e5',
        '1e',
        '2j',
        '1+2j',
        '1+2',
        '-1',
        '--1',
      ],
      ...[
        'None',
        'True',
        'true',
        'set()',
        'x',
        '...',
        '""',
        "b'a'",
        "'a' 'b'",
        "'a' b'b'",
        "'''a\nb'''",
      ],
      ...[
        '[]',
        '[1,]',
        '[,]',
        '()',
        '(1)',
        '(1,)',
        '1,2',
        '1,',
        '{}',
        '{1}',
        '{1:2}',
        '{1:2,3}',
        '{1,2:3}',
      ],
      ...[
        'f"x"',
        'rb"x"',
        '"unended',
        '[1 2]',
        '# c',
        '[1, # c\n 2]',
        '0_0',
        '00',
        '- 1',
        '+1j',
        '1 +2j',
      ],
    ];
    const samples = new Set(atoms);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...atoms), { maxLength: 3 }), (parts) => {
        samples.add(`[${parts.join(', ')}]`);
        samples.add(`{"k": (${parts.join(',')})}`);
      }),
      { numRuns: 200, seed: 7 },
    );
    const texts = [...samples];
    const script =
      'import ast,json,sys,warnings\nwarnings.simplefilter("ignore")\n' +
      'def ok(t):\n try: ast.literal_eval(t)\n except Exception: return False\n return True\n' +
      'print(json.dumps([ok(t) for t in json.load(sys.stdin)]))';
    const python = spawnSync('python3', ['-c', script], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
    });
    const oracle = JSON.parse(python.stdout) as boolean[];
    // Python refuses unhashable keys when it builds the value; that is its error to report.
    const wrong = texts.filter(
      (text, index) =>
        (readPythonLiteral(text) !== undefined) !== oracle[index] && !/\{\[|\{\{/.test(text),
    );
    assert.deepEqual(wrong, []);
  });
});
