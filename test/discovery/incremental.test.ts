import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { DiscoveredFunction } from '../../src/discovery/model';
import { PythonDocument } from '../../src/discovery/parse';
import { applyChanges, differingRange, mapOffset, sortChanges } from '../../src/discovery/text';
import type { TextChange } from '../../src/discovery/text';

const start = `import velar
app = velar.App("shop")

@app.function(gpu="L4")
def first(a: int = 1):
    """A doc with @app.function() in it."""
    if a:
        return [a, (a, {"b": a})]
    match a:
        case Point():
            pass
    yield

@app.cls()
class Model:
    @velar.method()
    def run(self, text):
        return text

    @velar.method()
    def other(self): return 1

x = """
@app.function()
def hidden(): ...
"""

@app.endpoint(
    gpu=["H100", "A100"],
)
async def last(b, *, c=2): ...
`;

const pieces = [
  'x',
  '(',
  ')',
  '"',
  "'",
  '"""',
  '\n',
  '\n    ',
  ':',
  '@app.function()\n',
  '#',
  '\\',
];
pieces.push(
  'def g(a):\n    pass\n',
  'import y\n',
  ' ',
  ',',
  '[',
  '}',
  'case A():',
  'app = 1\n',
  '\r\n',
);

const editArbitrary = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(30)),
  insert: fc.oneof(fc.constant(''), fc.constantFrom(...pieces)),
});

/** An edit above a line that starts with a backslash before `\r\n`. */
const continuation = ['\r\n', '\\', '\n', ''].map((insert) => ({ at: 0, remove: 0, insert }));

function toChange(text: string, edit: { at: number; remove: number; insert: string }): TextChange {
  const from = Math.floor(edit.at * text.length);
  return { from, to: Math.min(text.length, from + edit.remove), insert: edit.insert };
}

/** What the document shows once all of it is parsed, however slow the machine. */
function settled(document: PythonDocument): readonly DiscoveredFunction[] {
  document.catchUp();
  return document.functions();
}

describe('an edited document', () => {
  it('knows the same as one read from scratch, after any edits', () => {
    fc.assert(
      fc.property(fc.array(editArbitrary, { minLength: 1, maxLength: 12 }), (edits) => {
        const document = new PythonDocument(start);
        settled(document);
        for (const edit of edits) {
          document.edit([toChange(document.text, edit)]);
          const fresh = new PythonDocument(document.text);
          assert.deepEqual(document.imports(), fresh.imports());
          assert.equal(document.errors, fresh.errors);
          const shown = settled(document);
          if (document.errors === 0) assert.deepEqual(shown, fresh.functions());
          for (const found of shown) assert.ok(found.offsets.start <= document.text.length);
        }
      }),
      { numRuns: 300, examples: [[continuation]] },
    );
  });

  it('comes back to the same functions when broken text is mended', () => {
    const before = new PythonDocument(start).functions();
    fc.assert(
      fc.property(fc.nat(start.length), fc.constantFrom(...pieces), (at, piece) => {
        const document = new PythonDocument(start);
        document.edit([{ from: at, to: at, insert: piece }]);
        settled(document);
        document.edit([{ from: at, to: at + piece.length, insert: '' }]);
        assert.deepEqual(settled(document), before);
      }),
      { numRuns: 300 },
    );
  });

  it('takes several changes of one edit, in the order that an editor sends them', () => {
    const document = new PythonDocument(start);
    const second = start.indexOf('first');
    const third = start.indexOf('last');
    document.edit([
      { from: third, to: third + 4, insert: 'final' },
      { from: second, to: second + 5, insert: 'opening' },
      { from: 0, to: 0, insert: '# top\n\n' },
    ]);
    assert.deepEqual(
      settled(document).map((found) => [found.name, found.line]),
      [
        ['opening', 7],
        ['Model', 17],
        ['run', 19],
        ['other', 23],
        ['final', 33],
      ],
    );
    assert.throws(() => {
      document.edit([{ from: 5, to: 1, insert: '' }]);
    }, RangeError);
  });
});

describe('broken text', () => {
  const lines = (document: PythonDocument): string[] =>
    settled(document).map((found) => `${found.qualname}:${found.line}`);
  const type = (document: PythonDocument, at: number, text: string): void => {
    for (const [index, character] of [...text].entries()) {
      document.edit([{ from: at + index, to: at + index, insert: character }]);
    }
  };
  const all = ['first:5', 'Model:15', 'Model.run:17', 'Model.other:21', 'last:31'];

  it('keeps every function on its line while brackets and strings are open', () => {
    for (const typed of [
      'x = (',
      'y = """',
      "z = f'{",
      'def ',
      'class A(',
      '@app.function(',
      'if x:',
    ]) {
      const document = new PythonDocument(start);
      const at = start.indexOf('@app.function');
      type(document, at, `${typed}\n`);
      const moved = all.map((entry) => entry.replace(/\d+$/, (line) => String(Number(line) + 1)));
      assert.deepEqual(lines(document), moved, typed);
    }
  });

  it('keeps what was known of a function while its own decorator is typed', () => {
    const document = new PythonDocument(start);
    const at = start.indexOf('gpu="L4"');
    document.edit([{ from: at, to: at + 8, insert: '' }]);
    type(document, at, 'gpu="A1');
    assert.deepEqual(lines(document), all);
    type(document, at + 7, '00"');
    assert.equal(settled(document)[0]?.gpu, 'A100');
  });

  it('shows a function that is added to it', () => {
    const document = new PythonDocument(start);
    document.edit([{ from: start.length, to: start.length, insert: 'broken = (\n' }]);
    settled(document);
    const at = start.indexOf('@app.function');
    document.edit([{ from: at, to: at, insert: '@app.function()\ndef zero(): ...\n\n' }]);
    assert.deepEqual(lines(document).slice(0, 2), ['zero:5', 'first:8']);
  });

  it('shows none that a stray quote makes out of a string', () => {
    const document = new PythonDocument(start);
    const quote = start.indexOf('x = """') + 4;
    document.edit([{ from: quote, to: quote + 3, insert: '' }]);
    assert.deepEqual(lines(document), all);
  });

  it('lets go of a function that is deleted while other text is broken', () => {
    const document = new PythonDocument(start);
    document.edit([{ from: 0, to: 0, insert: 'x = (\n' }]);
    settled(document);
    const from = document.text.indexOf('@app.endpoint');
    document.edit([{ from, to: document.text.length, insert: '' }]);
    assert.ok(!lines(document).some((entry) => entry.startsWith('last')));
  });
});

describe('a document too large to parse between two keystrokes', () => {
  const large =
    start + `${'def filler(a):\n    return [a, (a, {"b": a})]\n\n'.repeat(30_000)}${start}`;

  it('answers an edit at once with what it knew, and catches up in slices', function () {
    this.timeout(60_000);
    const document = new PythonDocument(large, { editBudgetMs: 0 });
    const before = document.functions();
    document.edit([{ from: 0, to: 0, insert: 'x = (\n' }]);
    const shown = document.functions();
    assert.equal(document.isBehind, true);
    assert.deepEqual(
      shown.map(({ qualname, line }) => [qualname, line]),
      before.map(({ qualname, line }) => [qualname, line + 1]),
    );
    document.edit([{ from: 0, to: 6, insert: '' }]);
    document.functions();
    while (!document.catchUp(1)) assert.equal(document.isBehind, true);
    assert.deepEqual(document.functions(), before);
    assert.equal(document.isBehind, false);
  });
});

describe('text changes', () => {
  const changesArbitrary = fc.array(
    fc.record({ from: fc.nat(40), remove: fc.nat(5), insert: fc.string({ maxLength: 4 }) }),
    { maxLength: 4 },
  );

  it('move offsets to where the text around them went', () => {
    fc.assert(
      fc.property(changesArbitrary, fc.nat(40), (raw, offset) => {
        const text = 'abcdefghijklmnopqrstuvwxyzabcdefghijklmnop';
        let end = 0;
        const changes = raw
          .sort((a, b) => a.from - b.from)
          .flatMap(({ from, remove, insert }) => {
            if (from <= end) return [];
            end = from + remove;
            return end > text.length ? [] : [{ from, to: end, insert: insert.toUpperCase() }];
          });
        const sorted = sortChanges(changes, text.length);
        const after = applyChanges(text, sorted);
        const inside = sorted.some((change) => change.from <= offset && offset < change.to);
        if (!inside) {
          assert.equal(after[mapOffset(offset, sorted, 1)], text[offset]);
        }
      }),
    );
  });

  it('turn one text into another', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const change = differingRange(before, after);
        assert.equal(change === undefined ? before : applyChanges(before, [change]), after);
      }),
    );
  });
});
