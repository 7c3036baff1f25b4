import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { RunEntry, RunRecords } from '../../src/editor/runs/runRecords';
import { activated, closeEditors, eventually, openFile, until } from './support';

const HEADER = 'import warnings\nimport velar\n\napp = velar.App("output")\n\n\n';
const COLD_MS = 90_000;
const WHEELS = mkdtempSync(join(tmpdir(), 'velar-wheels-'));
// Before any test starts a runtime: pip looks there too, so that nothing has to come over a network.
process.env['PIP_FIND_LINKS'] = WHEELS;

const MAKE_WHEEL = `
import sys, zipfile
name, folder = sys.argv[1:]
info = name + "-1.0.dist-info"
with zipfile.ZipFile(folder + "/" + name + "-1.0-py3-none-any.whl", "w") as z:
    z.writestr(name + ".py", "VALUE = 42\\n")
    z.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: %s\\nVersion: 1.0\\n" % name)
    z.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    z.writestr(info + "/RECORD", "")
`;

let records: RunRecords;

async function run(document: vscode.TextDocument, qualname: string): Promise<RunEntry> {
  const id = await vscode.commands.executeCommand<string | undefined>('velar.run', {
    uri: document.uri.toString(),
    qualname,
  });
  assert.ok(id, 'the run did not start');
  const entry = records.get(id);
  assert.ok(entry);
  const ended = (): boolean => entry.record.status !== 'active';
  await until(records.onDidEnd, ended, `the end of ${qualname}`, COLD_MS);
  return entry;
}

function marks(uri: vscode.Uri, severity: vscode.DiagnosticSeverity): vscode.Diagnostic[] {
  return vscode.languages
    .getDiagnostics(uri)
    .filter((each) => each.source === 'Velar' && each.severity === severity);
}

async function fixesAt(uri: vscode.Uri, range: vscode.Range): Promise<vscode.CodeAction[]> {
  const found = await vscode.commands.executeCommand<vscode.CodeAction[]>(
    'vscode.executeCodeActionProvider',
    uri,
    range,
    vscode.CodeActionKind.QuickFix.value,
  );
  return found.filter(({ edit }) => edit !== undefined);
}

describe('what a run says, in the editor', function () {
  this.timeout(2 * COLD_MS);

  before(async () => {
    ({ records } = await activated());
  });
  after(() => {
    rmSync(WHEELS, { recursive: true, force: true });
  });
  afterEach(closeEditors);

  it('adds a missing package to the image, and the function runs then', async () => {
    const name = 'velarmissingpkg';
    execFileSync('python3', ['-c', MAKE_WHEEL, name, WHEELS]);
    const document = await openFile(
      'missing.py',
      `${HEADER}image = velar.Image.debian_slim()\n\n\n@app.function(image=image)\ndef answer() -> int:\n    import ${name}\n\n    return ${name}.VALUE\n`,
    );
    assert.equal((await run(document, 'answer')).record.error?.type, 'ModuleNotFoundError');
    const [error] = marks(document.uri, vscode.DiagnosticSeverity.Error);
    assert.ok(error);
    const [fix, ...others] = await fixesAt(document.uri, error.range);
    assert.deepEqual(others, []);
    assert.equal(fix?.title, `Add "${name}" to the image's pip_install`);
    assert.ok(fix.edit);
    assert.ok(await vscode.workspace.applyEdit(fix.edit));
    assert.ok(
      document.getText().includes(`image = velar.Image.debian_slim().pip_install("${name}")\n`),
      document.getText(),
    );
    assert.deepEqual(marks(document.uri, vscode.DiagnosticSeverity.Error), []);
    const { record } = await run(document, 'answer');
    assert.deepEqual(record.result, { value: 42 }, record.error?.text ?? record.error?.message);
  });

  it('offers to send a module that an ignore file keeps out, and shows the line first', async () => {
    await openFile('.gitignore', 'kept_out/\n');
    await openFile('kept_out/tool.py', 'VALUE = 1\n');
    const document = await openFile(
      'dynamic.py',
      `${HEADER}@app.function()\ndef load() -> int:\n    name = "kept_out" + ".tool"\n    return __import__(name).tool.VALUE\n`,
    );
    assert.equal((await run(document, 'load')).record.error?.type, 'ModuleNotFoundError');
    const [error] = marks(document.uri, vscode.DiagnosticSeverity.Error);
    assert.ok(error);
    const fixes = await fixesAt(document.uri, error.range);
    assert.deepEqual(
      fixes.map(({ title }) => title),
      ['Send kept_out/ with the bundle (.velarignore)…'],
    );
  });

  it('marks the line that warned, until the text changes', async () => {
    const document = await openFile(
      'warns.py',
      `${HEADER}@app.function()\ndef careful(loud: bool = True) -> str:\n    if loud:\n        warnings.warn("use the other one")\n    return "ok"\n`,
    );
    await run(document, 'careful');
    await eventually(
      async () => marks(document.uri, vscode.DiagnosticSeverity.Information).length > 0,
    );
    const [warning, ...others] = marks(document.uri, vscode.DiagnosticSeverity.Information);
    assert.deepEqual(others, []);
    assert.equal(warning?.message, 'UserWarning: use the other one');
    assert.equal(document.getText(warning.range), 'warnings.warn("use the other one")');
    const edit = new vscode.WorkspaceEdit();
    const at = document.positionAt(document.getText().indexOf('True'));
    edit.replace(document.uri, new vscode.Range(at, at.translate(0, 4)), 'False');
    await vscode.workspace.applyEdit(edit);
    assert.deepEqual(marks(document.uri, vscode.DiagnosticSeverity.Information), []);
  });
});
