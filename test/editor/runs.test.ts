import * as assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';
import { currentPhase } from '../../runtime/protocol/runRecord';
import type { RunEntry, RunRecords } from '../../src/editor/runs/runRecords';
import { activated, closeEditors, lensesOf, openFile, until, untitledPython } from './support';

const HEADER = 'import time\nimport velar\n\napp = velar.App("runs")\n\n\n';
/** Provisioning an empty image and a first container, on a busy machine. */
const COLD_MS = 90_000;

let records: RunRecords;

/** Runs a function and waits for its end. */
async function run(document: vscode.TextDocument, qualname: string): Promise<RunEntry> {
  const entry = await start(document, qualname);
  await until(
    records.onDidEnd,
    () => entry.record.status !== 'active',
    `the end of ${qualname}`,
    COLD_MS,
  );
  return entry;
}

async function start(document: vscode.TextDocument, qualname: string): Promise<RunEntry> {
  const id = await vscode.commands.executeCommand<string | undefined>('velar.run', {
    uri: document.uri.toString(),
    qualname,
  });
  assert.ok(id, 'the run did not start');
  const entry = records.get(id);
  assert.ok(entry);
  return entry;
}

function velarDiagnostics(uri: vscode.Uri): vscode.Diagnostic[] {
  return vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'Velar');
}

describe('runs on the runtime of this machine', function () {
  this.timeout(COLD_MS + 30_000);

  before(async () => {
    ({ records } = await activated());
  });
  afterEach(closeEditors);

  it('give phases, log lines, a result and a lens that says how it went', async () => {
    const document = await openFile(
      'good.py',
      `${HEADER}@app.function()\ndef add(a: int = 2, b: int = 3) -> int:\n    print("adding", a, b)\n    return a + b\n`,
    );
    const { record, log } = await run(document, 'add');
    assert.equal(record.status, 'succeeded', record.error?.text ?? record.error?.message);
    assert.deepEqual(record.result, { value: 5 });
    assert.deepEqual(
      log.view().lines.map(({ text }) => text),
      ['adding 2 3'],
    );
    assert.ok(record.phases.every(({ status }) => status === 'done' || status === 'skipped'));
    assert.equal(currentPhase(record), undefined);
    const titles = (await lensesOf(document)).map(({ title }) => title);
    assert.equal(titles.length, 5);
    assert.match(titles[3] ?? '', /^CPU · \$\(pass\) [\d.]+ m?s · \$0\.00$/);
  });

  it('take the text as it is in the editor, saved or not', async () => {
    const document = await openFile(
      'unsaved.py',
      `${HEADER}@app.function()\ndef word() -> str:\n    return "old"\n`,
    );
    const edit = new vscode.WorkspaceEdit();
    const at = document.positionAt(document.getText().indexOf('old'));
    edit.replace(document.uri, new vscode.Range(at, at.translate(0, 3)), 'new');
    await vscode.workspace.applyEdit(edit);
    assert.ok(document.isDirty);
    assert.deepEqual((await run(document, 'word')).record.result, { value: 'new' });
  });

  it('work for text that has no file yet', async () => {
    const document = await untitledPython(
      `${HEADER}@app.function()\ndef where() -> str:\n    return __name__\n`,
    );
    const { record } = await run(document, 'where');
    assert.equal(record.status, 'succeeded', record.error?.text ?? record.error?.message);
  });

  it('that raise mark the line, name the callers, and are cleared by an edit', async () => {
    const document = await openFile(
      'raises.py',
      `${HEADER}def inner(x):\n    return 1 / x\n\n\n@app.function()\ndef outer():\n    print("before")\n    return inner(0)\n`,
    );
    const entry = await run(document, 'outer');
    assert.equal(entry.record.status, 'failed');
    assert.equal(entry.record.error?.type, 'ZeroDivisionError');
    assert.deepEqual(
      entry.log
        .view()
        .lines.slice(0, 1)
        .map(({ text }) => text),
      ['before'],
    );
    const [diagnostic, ...others] = velarDiagnostics(document.uri);
    assert.ok(diagnostic);
    assert.deepEqual(others, []);
    assert.equal(document.getText(diagnostic.range), 'return 1 / x');
    assert.match(diagnostic.message, /ZeroDivisionError: division by zero/);
    assert.deepEqual(
      diagnostic.relatedInformation?.map(({ location }) =>
        document.lineAt(location.range.start).text.trim(),
      ),
      ['return inner(0)', 'return 1 / x'],
    );
    assert.match((await lensesOf(document))[3]?.title ?? '', /\$\(error\) ZeroDivisionError/);
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(0, 0), '# mended\n');
    await vscode.workspace.applyEdit(edit);
    assert.deepEqual(velarDiagnostics(document.uri), []);
  });

  it('with a wrong option mark the line that wrote it', async () => {
    const document = await openFile(
      'wrong_option.py',
      `${HEADER}@app.function(\n    timeouts=3,\n)\ndef nothing():\n    pass\n`,
    );
    const { record } = await run(document, 'nothing');
    assert.equal(record.error?.type, 'TypeError');
    const [diagnostic] = velarDiagnostics(document.uri);
    assert.match(diagnostic?.message ?? '', /timeouts/);
    assert.ok((diagnostic?.range.start.line ?? 0) >= 6, 'on the decorator');
  });

  it('whose image can not be built mark its line, with what the installer printed', async () => {
    const document = await openFile(
      'no_image.py',
      `${HEADER}image = velar.Image.debian_slim().pip_install("/velar-no-such-folder")\n\n\n@app.function(image=image)\ndef nothing():\n    pass\n`,
    );
    const { record } = await run(document, 'nothing');
    assert.equal(record.error?.kind, 'image');
    const [diagnostic] = velarDiagnostics(document.uri);
    assert.ok(diagnostic);
    assert.match(document.lineAt(diagnostic.range.start).text, /pip_install/);
    const [, log] = diagnostic.message.split('\nFrom the log:\n');
    assert.match(log ?? '', /velar-no-such-folder/, diagnostic.message);
  });

  it('stop when they are cancelled, with what was printed kept', async () => {
    const document = await openFile(
      'long.py',
      `${HEADER}@app.function()\ndef sleep():\n    print("asleep", flush=True)\n    time.sleep(600)\n`,
    );
    const entry = await start(document, 'sleep');
    await until(
      records.onDidLog,
      () => entry.log.view().lines.length > 0,
      'the first line',
      COLD_MS,
    );
    assert.match((await lensesOf(document))[0]?.title ?? '', /Cancel/);
    // A click this soon after the start counts as the second half of a double click.
    await delay(600);
    await vscode.commands.executeCommand('velar.cancel', {
      uri: document.uri.toString(),
      qualname: 'sleep',
    });
    await until(records.onDidEnd, () => entry.record.status !== 'active', 'the cancelled end');
    assert.equal(entry.record.status, 'cancelled');
    assert.match((await lensesOf(document))[3]?.title ?? '', /cancelled/);
    assert.deepEqual(velarDiagnostics(document.uri), []);
  });

  it('of a method make its object, and of an entrypoint run here', async () => {
    const document = await openFile(
      'kinds.py',
      `${HEADER}@app.cls()\nclass Model:\n    @velar.enter()\n    def load(self):\n        self.by = 10\n\n    @velar.method()\n    def times(self, x: int = 4) -> int:\n        return self.by * x\n\n\n@app.function()\ndef double(x: int) -> int:\n    return 2 * x\n\n\n@app.local_entrypoint()\ndef main():\n    print("doubled", double.remote(21))\n    version = app.deploy().version\n    print("version", version, velar.Function.from_name(app.name, "double").remote(4))\n`,
    );
    assert.deepEqual((await run(document, 'Model.times')).record.result, { value: 40 });
    const entry = await run(document, 'main');
    assert.equal(
      entry.record.status,
      'succeeded',
      entry.record.error?.text ?? entry.record.error?.message,
    );
    const printed = entry.log
      .view()
      .lines.map(({ text }) => text)
      .join('\n');
    assert.match(printed, /doubled 42/);
    assert.match(
      printed,
      /to staging: version 1 is served\n[^]*version 1 8/,
      'unsaved, and deployed',
    );
  });

  it('that ask for a GPU go by the setting where there is none', async () => {
    const document = await openFile(
      'wants_gpu.py',
      `${HEADER}import os\n\n\n@app.function(gpu="L4")\ndef device() -> str:\n    return os.environ.get("VELAR_DEVICE", "")\n`,
    );
    const settings = vscode.workspace.getConfiguration('velar');
    const workspace = vscode.ConfigurationTarget.Workspace;
    try {
      await settings.update('cpuFallback', 'never', workspace);
      const refused = await run(document, 'device');
      assert.equal(refused.record.error?.kind, 'capacity');
      assert.match(refused.record.error.message, /L4/);
      await settings.update('cpuFallback', 'allow', workspace);
      const allowed = await run(document, 'device');
      assert.deepEqual(allowed.record.result, { value: 'cpu' });
      assert.equal(allowed.record.device, 'cpu');
      assert.match((await lensesOf(document))[3]?.title ?? '', /^L4 · .* on CPU /);
    } finally {
      await settings.update('cpuFallback', undefined, workspace);
    }
  });

  it('open their whole log with links to the frames of a traceback', async () => {
    const document = await openFile(
      'logs.py',
      `${HEADER}import traceback\n\n\n@app.function()\ndef chatty():\n    for number in range(12000):\n        print("line", number)\n    try:\n        raise ValueError("x")\n    except ValueError:\n        traceback.print_exc()\n`,
    );
    const entry = await run(document, 'chatty');
    assert.equal(
      entry.record.status,
      'succeeded',
      entry.record.error?.text ?? entry.record.error?.message,
    );
    assert.ok(entry.log.view().dropped > 0, 'the panel keeps the newest lines only');
    await vscode.commands.executeCommand('velar.openLog', entry.run);
    const shown = vscode.window.activeTextEditor?.document;
    assert.equal(shown?.uri.scheme, 'velar-log');
    assert.equal(shown?.lineAt(0).text, 'line 0');
    assert.match(shown?.getText() ?? '', /line 11999\n/);
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      shown?.uri,
    );
    assert.ok(links.some(({ target }) => target?.path.endsWith('/logs.py') === true));
  });
});

describe('before a run', () => {
  before(activated);
  afterEach(closeEditors);

  it('a module that is not in the workspace is named at its import', async () => {
    const document = await openFile(
      'missing/entry.py',
      'import velar\nfrom .helpers import tool\n\napp = velar.App("m")\n\n\n@app.function()\ndef go():\n    return tool()\n',
    );
    // The question stays open until the test dismisses it; the diagnostic is there before.
    const asked = vscode.commands.executeCommand('velar.run', {
      uri: document.uri.toString(),
      qualname: 'go',
    });
    await until(
      vscode.languages.onDidChangeDiagnostics,
      () => velarDiagnostics(document.uri).length > 0,
      'the diagnostic',
    );
    const [diagnostic] = velarDiagnostics(document.uri);
    assert.equal(diagnostic?.range.start.line, 1);
    assert.match(diagnostic.message, /helpers/);
    await vscode.commands.executeCommand('notifications.clearAll');
    await asked;
  });

  it('velar.showBundle lists what would be sent, what not, and why', async () => {
    await vscode.workspace.fs.writeFile(
      vscode.Uri.joinPath(
        vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file('/'),
        '.env',
      ),
      Buffer.from('SECRET=1\n'),
    );
    const document = await openFile(
      'bundled.py',
      'import velar\n\napp = velar.App("b")\n\n\n@app.function()\ndef go(): ...\n',
    );
    await vscode.commands.executeCommand('velar.showBundle', {
      uri: document.uri.toString(),
      qualname: 'go',
    });
    const text = vscode.window.activeTextEditor?.document.getText() ?? '';
    const [sent = '', kept = ''] = text.split('Not sent');
    assert.match(sent, /bundled\.py/);
    assert.match(kept, /^\s+\.env\s+\S/m);
    assert.doesNotMatch(sent, /\.env/);
  });
});
