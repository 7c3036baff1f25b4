import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PythonDocument, readFunctions } from '../../src/discovery/parse';
import { outline } from './outline';
import { askOracle, standardLibrary } from './pythonOracle';

/** Syntax that the grammar does not know: starred subscripts, free-form decorators, `as a.b, \`. */
const beyondTheGrammar = /(test_typing|test_grammar|test_buffer)\.py$/;

/** One in this many files is compared with Python's parser; every file is read. */
const comparedEvery = 8;

function standardLibraryFiles(): string[] {
  const root = standardLibrary();
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.py') && !file.includes('site-packages'))
    .sort()
    .map((file) => join(root, file));
}

/** The text after an app, with a decorator of that app on some of its functions and classes. */
function decorated(text: string): string {
  let seen = 0;
  const marked = text.replace(/^([ \t]*)(?:async def|def|class)\b/gm, (line, indent: string) =>
    seen++ % 7 === 0
      ? `${indent}@app.${line.includes('class') ? 'cls' : 'function'}(gpu="L4")\n${line}`
      : line,
  );
  return `import velar\napp = velar.App("made")\n${marked}`;
}

describe("Python's standard library", function () {
  this.timeout(180_000);

  it('is read without an exception and finds no Velar function in it', () => {
    const files = standardLibraryFiles();
    assert.ok(files.length > 500, `only ${files.length} files`);
    for (const file of files) {
      const document = new PythonDocument(readFileSync(file, 'utf8'), { file });
      assert.deepEqual(document.functions(), [], file);
      document.imports();
    }
  });

  it('shows the same functions when it is looked at once, in a part of the time', () => {
    let [whole, once] = [0, 0];
    let count = 0;
    for (const file of standardLibraryFiles().filter((_, index) => index % comparedEvery === 0)) {
      const text = decorated(readFileSync(file, 'utf8'));
      const began = performance.now();
      const expected = new PythonDocument(text, { file }).functions();
      const middle = performance.now();
      assert.deepEqual(readFunctions(text, { file }), expected, file);
      once += performance.now() - middle;
      whole += middle - began;
      count += expected.length;
    }
    assert.ok(count > 500, `only ${count} functions`);
    assert.ok(once < whole * 0.9, `${once.toFixed(0)} ms of ${whole.toFixed(0)} ms`);
  });

  it("gives the same functions, parameters and imports as Python's own parser", () => {
    const files = standardLibraryFiles().filter(
      (file, index) => index % comparedEvery === 0 && !beyondTheGrammar.test(file),
    );
    const answers = askOracle(
      files.map((file) => ({ file, ...outline(readFileSync(file, 'utf8')) })),
    );
    assert.equal(answers.length, files.length);
    assert.ok(answers.filter((answer) => answer.parsed).length > files.length * 0.9);
    for (const answer of answers) assert.deepEqual(answer.differences, [], answer.file);
  });
});
