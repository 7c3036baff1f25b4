import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import * as vscode from 'vscode';
import { PythonDocuments } from '../../src/editor/documents';
import {
  activated,
  closeEditors,
  eventually,
  lensesOf,
  openFile,
  untitledPython,
  writeFile,
} from './support';

const HEADER = 'import velar as v\n\napp = v.App("demo")\n\n\n';
const GPU_FUNCTION =
  '@app.function(\n    gpu="L4",\n    timeout=600,\n)\ndef generate(prompt: str, n: int = 3) -> str:\n    return prompt * n\n';
const PLAIN_FUNCTION = '@app.function\nasync def ping():\n    return "pong"\n';

/** Lines of the lenses that start a run. */
async function runLines(document: vscode.TextDocument): Promise<number[]> {
  const lenses = await lensesOf(document);
  return lenses.filter(({ title }) => title.includes('Run on GPU')).map(({ line }) => line);
}

/** Lines on which a decorator of the app stands: what a person sees as the function's top. */
function decoratorLines(document: vscode.TextDocument): number[] {
  return document
    .getText()
    .split(/\r\n|\n/)
    .flatMap((text, line) => (text.startsWith('@app.function') ? [line] : []));
}

async function edit(
  document: vscode.TextDocument,
  change: (edit: vscode.WorkspaceEdit) => void,
): Promise<void> {
  const workspaceEdit = new vscode.WorkspaceEdit();
  change(workspaceEdit);
  assert.ok(await vscode.workspace.applyEdit(workspaceEdit));
}

describe('lenses', () => {
  before(activated);
  afterEach(closeEditors);

  it('stand above the first decorator, with the GPU and the arguments beside', async () => {
    const document = await untitledPython(HEADER + GPU_FUNCTION + '\n\n' + PLAIN_FUNCTION);
    const lenses = await lensesOf(document);
    assert.deepEqual(
      lenses.map(({ line, title }) => [line, title]),
      [
        [5, '$(play) Run on GPU'],
        [5, '$(debug-alt) Debug'],
        [5, '$(cloud-upload) Deploy to staging'],
        [5, 'L4'],
        [5, 'Arguments…'],
        [13, '$(play) Run on GPU'],
        [13, '$(debug-alt) Debug'],
        [13, '$(cloud-upload) Deploy to staging'],
        [13, 'CPU'],
      ],
    );
    assert.deepEqual(lenses[0]?.command.arguments, [
      { uri: document.uri.toString(), qualname: 'generate' },
    ]);
  });

  it('stand above methods and entrypoints, not above the class', async () => {
    const document = await untitledPython(
      `${HEADER}@app.cls(gpu="A100:2")\nclass Model:\n    @v.enter()\n    def load(self): ...\n\n    @v.method()\n    def predict(self, x: int): ...\n\n\n@app.local_entrypoint()\ndef main(): ...\n`,
    );
    assert.deepEqual(
      (await lensesOf(document)).map(({ line, title }) => [line, title]),
      [
        [10, '$(play) Run on GPU'],
        [10, '$(debug-alt) Debug'],
        [10, '$(cloud-upload) Deploy to staging'],
        [10, 'A100:2'],
        [10, 'Arguments…'],
        [14, '$(play) Run Locally'],
        [14, 'this machine'],
      ],
    );
  });

  it('are absent where nothing is of Velar', async () => {
    const document = await untitledPython(
      'from flask import Flask\napp = Flask("x")\n\n@app.route("/")\ndef index(): ...\n# @app.function()\n',
    );
    assert.deepEqual(await lensesOf(document), []);
  });

  it('follow every edit of the buffer, saved or not', async () => {
    const document = await openFile('follow.py', HEADER + GPU_FUNCTION + '\n\n' + PLAIN_FUNCTION);
    await edit(document, (change) => {
      change.insert(document.uri, new vscode.Position(0, 0), '# one\n# two\n');
    });
    assert.deepEqual(await runLines(document), [7, 15]);
    await edit(document, (change) => {
      change.delete(document.uri, new vscode.Range(7, 0, 13, 0));
    });
    assert.deepEqual(await runLines(document), [9]);
    assert.ok(document.isDirty);
  });

  it('are never a line off, whatever is typed between functions', async () => {
    const document = await untitledPython(HEADER + [GPU_FUNCTION, PLAIN_FUNCTION].join('\n\n'));
    const pieces = fc.constantFrom(
      '\n',
      '\n\n',
      'x = 1\n',
      '# note\n',
      PLAIN_FUNCTION,
      'y = [\n',
      ']\n',
    );
    const steps = fc.sample(fc.tuple(fc.nat({ max: 100 }), pieces), { numRuns: 40, seed: 11 });
    for (const [place, piece] of steps) {
      // A piece goes where a person would put it: at the start of a line outside of any function.
      const free = topLevelLines(document);
      const line = free[place % free.length] ?? 0;
      await edit(document, (change) => {
        change.insert(document.uri, new vscode.Position(line, 0), piece);
      });
      if (/^(y = \[|\])$/m.test(document.getText())) {
        // Brackets left open make the text no Python; lenses then stay with the functions they had.
        for (const seen of await runLines(document)) {
          assert.ok(decoratorLines(document).includes(seen), document.getText());
        }
      } else {
        assert.deepEqual(await runLines(document), decoratorLines(document), document.getText());
      }
    }
  });

  it('survive Windows line endings and a change of them', async () => {
    const document = await openFile(
      'endings.py',
      (HEADER + GPU_FUNCTION + '\n\n' + PLAIN_FUNCTION).replaceAll('\n', '\r\n'),
    );
    assert.deepEqual(await runLines(document), decoratorLines(document));
    const editor = await vscode.window.showTextDocument(document);
    await editor.edit((change) => {
      change.setEndOfLine(vscode.EndOfLine.LF);
    });
    await edit(document, (change) => {
      change.insert(document.uri, new vscode.Position(3, 0), '# x\n# y\n');
    });
    assert.deepEqual(await runLines(document), decoratorLines(document));
  });

  it('know an app that comes from another file, and learn when it changes', async () => {
    await writeFile('shared/apps.py', 'import velar\n\ncommon = velar.App("common")\n');
    await writeFile('shared/__init__.py', '');
    const document = await openFile(
      'uses_shared.py',
      'from shared.apps import common\n\n\n@common.function(gpu="H100")\ndef work(): ...\n',
    );
    await eventually(async () => (await lensesOf(document)).some(({ title }) => title === 'H100'));
    await writeFile('shared/apps.py', 'common = None\n');
    await eventually(async () => (await lensesOf(document)).length === 0);
  });

  it('stay while the text is broken in the middle of typing', async () => {
    const document = await untitledPython(HEADER + GPU_FUNCTION + '\n\n' + PLAIN_FUNCTION);
    await lensesOf(document);
    await edit(document, (change) => {
      change.insert(document.uri, new vscode.Position(3, 0), 'values = foo(1, "unfinished\n');
    });
    assert.deepEqual(await runLines(document), decoratorLines(document));
  });

  it('catch up by themselves after an edit that takes long to parse', async () => {
    const document = await untitledPython(HEADER + (GPU_FUNCTION + '\n\n').repeat(4_000));
    const documents = new PythonDocuments();
    try {
      const before = await documents.functions(document);
      const caughtUp = new Promise<void>((resolve) => {
        documents.onDidCatchUp(resolve);
      });
      await edit(document, (change) => {
        change.insert(document.uri, new vscode.Position(3, 0), 'values = (\n');
      });
      // What was known stays, a line lower, until the rest is parsed.
      const during = await documents.functions(document);
      assert.equal(during.at(-1)?.line, (before.at(-1)?.line ?? 0) + 1);
      await caughtUp;
    } finally {
      documents.dispose();
    }
  });

  it('go and come back with the setting, without a reload', async () => {
    const document = await untitledPython(HEADER + PLAIN_FUNCTION);
    const configuration = vscode.workspace.getConfiguration('velar');
    await configuration.update('codeLens.enabled', false, vscode.ConfigurationTarget.Workspace);
    try {
      assert.deepEqual(await lensesOf(document), []);
    } finally {
      await configuration.update(
        'codeLens.enabled',
        undefined,
        vscode.ConfigurationTarget.Workspace,
      );
    }
    assert.equal((await lensesOf(document)).length, 4);
  });
});

/** Lines before which a statement can be put: module level, between definitions. */
function topLevelLines(document: vscode.TextDocument): number[] {
  const lines = document.getText().split('\n');
  return lines.flatMap((_, line) => {
    const before = lines.slice(0, line).findLast((text) => text.trim() !== '') ?? '';
    const here = lines[line] ?? '';
    const inside = before.startsWith('@') || before === ')' || before.endsWith('(');
    return !inside &&
      !here.startsWith(' ') &&
      here !== ')' &&
      !here.startsWith('def') &&
      !here.startsWith('async')
      ? [line]
      : [];
  });
}
