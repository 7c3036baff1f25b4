/** Lenses above functions: Run on GPU, the GPU with the state of the last run, arguments. */
import * as vscode from 'vscode';
import { commands } from './commandIds';
import { isPythonSource, type PythonDocuments } from './documents';
import { isRunnable, lensTexts, type LensText } from './lensTitles';
import type { WorkspaceFunctions } from './explorer/workspaceFunctions';
import type { RunRecords } from './runs/runRecords';
import { codeLensEnabled } from './settings';

/** How often a running clock moves, in ms. */
const CLOCK_MS = 1000;

/** Which function a command is about; what lenses and tree items pass to it. */
export interface FunctionReference {
  readonly uri: string;
  readonly qualname: string;
}

export class LensProvider implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly disposables: vscode.Disposable[];
  private clock: NodeJS.Timeout | undefined;
  private shown = '';
  /** The editor has asked for lenses since they last changed. */
  private asked = false;

  constructor(
    private readonly documents: PythonDocuments,
    private readonly records: RunRecords,
    private readonly functions: WorkspaceFunctions,
    private readonly now: () => number = Date.now,
  ) {
    this.disposables = [
      this.changed,
      documents.onDidCatchUp(() => this.fire()),
      records.onDidChange(() => this.refresh()),
      functions.onDidChange(() => this.fire()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('velar.codeLens')) this.fire();
      }),
      vscode.languages.registerCodeLensProvider(
        [
          { language: 'python', scheme: 'file' },
          { language: 'python', scheme: 'untitled' },
        ],
        this,
      ),
    ];
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    this.asked = true;
    if (!isPythonSource(document) || !codeLensEnabled(document.uri)) return [];
    const uri = document.uri.toString();
    const functions = await this.documents.functions(document);
    // Not waited for: lenses of apps that come from other files follow when those are known.
    void this.functions.loadModules();
    return functions.filter(isRunnable).flatMap((found) => {
      const line = new vscode.Range(found.decoratorLine - 1, 0, found.decoratorLine - 1, 0);
      const state = this.records.stateOf(uri, found.qualname);
      return lensTexts(found, state, this.now()).map(
        (text) => new vscode.CodeLens(line, toCommand(text, { uri, qualname: found.qualname })),
      );
    });
  }

  /** Asks for the lenses again when what they say has changed. */
  private refresh(): void {
    const said = this.records.signature();
    if (said === this.shown) return;
    this.shown = said;
    this.fire();
  }

  /**
   * Fires now, and again in a second: while a clock is shown, and where the editor has not asked since. It gathers
   * what comes fast, and forgets what it has gathered when the text loses the focus in that moment.
   */
  private fire(): void {
    clearTimeout(this.clock);
    this.asked = false;
    this.clock = setTimeout(() => {
      if (this.records.anyActive) this.fire();
      else if (!this.asked) this.changed.fire();
    }, CLOCK_MS);
    this.changed.fire();
  }

  dispose(): void {
    clearTimeout(this.clock);
    for (const disposable of this.disposables) disposable.dispose();
  }
}

function toCommand(text: LensText, reference: FunctionReference): vscode.Command {
  return {
    title: text.title,
    tooltip: text.tooltip,
    command: commands[text.action],
    arguments: [reference],
  };
}
