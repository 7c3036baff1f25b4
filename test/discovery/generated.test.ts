import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { PythonDocument, readFunctions } from '../../src/discovery/parse';
import { outline } from './outline';
import { askOracle } from './pythonOracle';

/** A piece of a module, and the functions in it that can be run. */
interface Piece {
  readonly lines: readonly string[];
  readonly found: readonly string[];
}

const name = fc.constantFrom('alpha', 'beta', 'gamma', 'Δelta', 'run');
const annotation = fc.constantFrom('', ': int', ': "list[str]"', ': dict[str, tuple[int, ...]]');
const value = fc.constantFrom('1', "'a, b'", '(1, 2)', '{"k": [1]}', 'lambda x: (x, 1)', '-1.5e3');
const options = fc.constantFrom(
  '',
  '()',
  '(gpu="L4")',
  '(\n    gpu=["H100", "A100:2"],  # (comment)\n    timeout=60,\n)',
  '(retries=3, **more)',
);
const statement = fc.constantFrom(
  'pass',
  'x = f"{a!r:>{3}} {{}}"',
  'yield 1',
  'return (yield)',
  'from os import path as p, sep',
  'async def inner(): yield',
  '"""@app.function()\n    def hidden(): ..."""',
  'print(*[y for y in range(3) if (z := y)], sep="")',
);

const parameters = fc
  .array(fc.tuple(annotation, fc.option(value, { nil: undefined })), { maxLength: 4 })
  .chain((list) =>
    fc.record({
      slash: fc.nat(list.length),
      star: fc.constantFrom('', '*', '*args', '*args: int'),
      extra: fc.constantFrom('', '**kw', '**kw: str'),
      list: fc.constant(list),
    }),
  )
  .map(({ list, slash, star, extra }) => {
    const firstDefault = list.findIndex(([, given]) => given !== undefined);
    const parts = list.map(([type, given], index) => {
      const needsDefault = firstDefault >= 0 && index >= firstDefault;
      return `p${index}${type}${needsDefault ? ` = ${given ?? '0'}` : ''}`;
    });
    if (slash > 0) parts.splice(slash, 0, '/');
    if (star !== '') parts.push(star, 'only', 'last=2');
    if (extra !== '') parts.push(extra);
    return parts.join(', ');
  });

const header = fc.record({
  name,
  parameters,
  isAsync: fc.boolean(),
  body: fc.array(statement, { minLength: 1, maxLength: 3 }),
});

function definition({
  name: called,
  parameters: list,
  isAsync,
  body,
}: typeof header extends fc.Arbitrary<infer T> ? T : never): string[] {
  // An asynchronous generator may not return a value.
  const fitting = isAsync ? body.filter((line) => !line.startsWith('return')) : body;
  const inner = fitting.length > 0 ? fitting : ['pass'];
  return [
    `${isAsync ? 'async ' : ''}def ${called}(${list}):`,
    ...inner.map((line) => `    ${line}`),
  ];
}

const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc
    .record({
      header,
      options,
      kind: fc.constantFrom('function', 'endpoint', 'local_entrypoint'),
      stacked: fc.boolean(),
    })
    .map(({ header: made, options: given, kind, stacked }) => ({
      lines: [
        ...(stacked ? ['@other(1)'] : []),
        `@app.${kind}${given}`,
        '# between',
        ...definition(made),
      ],
      found: [`${kind} ${made.name}`],
    })),
  fc.record({ header, called: name, options }).map(({ header: made, called, options: given }) => ({
    lines: [
      `@app.cls${given}`,
      `class ${called}(Base):`,
      '    @velar.method()',
      ...definition({
        ...made,
        parameters:
          made.parameters === ''
            ? 'self'
            : `self, ${made.parameters.replace('/, ', '').replace(/(, )?\/$/, '')}`,
      }).map((line) => `    ${line}`),
    ],
    found: [`cls ${called}`, `method ${called}.${made.name}`],
  })),
  header.map((made) => ({ lines: ['@decoy.function()', ...definition(made)], found: [] })),
  header.map((made) => ({
    lines: [
      'def outer():',
      '    @app.function()',
      ...definition(made).map((line) => `    ${line}`),
    ],
    found: [],
  })),
  fc.constantFrom<Piece>(
    { lines: ['text = """', '@app.function()', 'def quoted(): ...', '"""'], found: [] },
    { lines: ['# @app.function()', '# def commented(): ...', 'pass'], found: [] },
    { lines: ['import os.path as path, sys', 'from . import (a,', '    b as c)'], found: [] },
    {
      lines: ['match 1:', '    case int():', '        pass', '    case []:', '        pass'],
      found: [],
    },
    { lines: ['x = 1 + \\', '    2'], found: [] },
  ),
);

const nested: fc.Arbitrary<Piece> = fc
  .record({
    piece,
    block: fc.constantFrom('', 'if True:', 'try:', 'with open("x") as f:', 'for i in ():'),
  })
  .map(({ piece: { lines, found }, block }) => {
    // Text in triple quotes may not be indented: it would be another text.
    if (block === '' || lines.some((line) => line.includes('"""') || line.includes('\n')))
      return { lines, found };
    const end = block === 'try:' ? ['finally:', '    pass'] : [];
    return { lines: [block, ...lines.map((line) => `    ${line}`), ...end], found };
  });

const moduleText = fc.array(nested, { minLength: 1, maxLength: 8 }).map((pieces) => ({
  text: [
    'import velar',
    'app = velar.App("made")',
    'decoy = object()',
    ...pieces.flatMap(({ lines }) => lines),
    '',
  ].join('\n'),
  found: pieces.flatMap(({ found }) => found),
}));

describe('generated modules', function () {
  this.timeout(60_000);
  const seed = 20_260_101;
  const samples = fc.sample(moduleText, { numRuns: 400, seed });

  it('show exactly the functions that were put in', () => {
    for (const { text, found } of samples) {
      const functions = new PythonDocument(text).functions();
      assert.deepEqual(
        functions.map((each) => `${each.kind} ${each.qualname}`),
        found,
        text,
      );
      assert.ok(
        functions.every((each) => each.app === 'made'),
        text,
      );
    }
  });

  it('show the same where they are looked at once', () => {
    for (const [index, { text }] of samples.entries()) {
      const given = index % 2 === 0 ? text : text.replaceAll('\n', '\r\n');
      assert.deepEqual(readFunctions(given, {}), new PythonDocument(given).functions(), given);
    }
  });

  it("are read as Python's own parser reads them", () => {
    const texts = samples.map(({ text }, index) =>
      index % 2 === 0 ? text : text.replaceAll('\n', '\r\n'),
    );
    const answers = askOracle(
      texts.map((text, index) => ({ file: `generated ${index}`, text, ...outline(text) })),
    );
    assert.ok(answers.filter(({ parsed }) => parsed).length > texts.length * 0.95);
    for (const [index, answer] of answers.entries()) {
      assert.deepEqual(answer.differences, [], texts[index]);
    }
  });

  it('are read however deep they nest', () => {
    const document = new PythonDocument(
      'import velar\napp = velar.App("a")\n@app.function\ndef f(): ...\n',
    );
    for (const tail of [
      '('.repeat(3000),
      `${'['.repeat(3000)}${']'.repeat(3000)}`,
      `x = ${'1 + '.repeat(20_000)}1`,
      'if x:\n'.repeat(500),
    ]) {
      const deep = new PythonDocument(`${document.text}${tail}\n`);
      assert.deepEqual(
        deep.functions().map((each) => each.name),
        ['f'],
      );
    }
  });
});
