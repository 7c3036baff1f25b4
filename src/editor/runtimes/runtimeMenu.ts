/** Choosing among runtimes, and the menu behind the status bar. */
import * as vscode from 'vscode';
import type { RuntimeEntry, RuntimeList } from '../../client/runtimes';
import { commands } from '../commandIds';
import { LOCAL_RUNTIME_NAME } from './runtimeModel';

interface CommandItem extends vscode.QuickPickItem {
  readonly command?: string;
}

/** The entry picked, `local` for this machine, `pair` for a new one; undefined when dismissed. */
export async function pickRuntime(
  list: RuntimeList,
): Promise<RuntimeEntry | 'local' | 'pair' | undefined> {
  const [entries, selected] = await Promise.all([list.list(), list.selected()]);
  const mark = (id: string | undefined): string => (selected?.id === id ? '$(check) ' : '');
  const items: (vscode.QuickPickItem & { choice: RuntimeEntry | 'local' | 'pair' })[] = [
    {
      label: `${mark(undefined)}${LOCAL_RUNTIME_NAME}`,
      description: 'starts on first use, ends with the editor',
      choice: 'local',
    },
    ...entries.map((entry) => ({
      label: `${mark(entry.id)}${entry.name}`,
      description: entry.url,
      choice: entry,
    })),
    { label: '$(plug) Pair a runtime…', choice: 'pair' },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: 'Select Runtime',
    placeHolder: 'Where functions run',
  });
  return picked?.choice;
}

/** Everything that can be done about runtimes and runs, in one list. */
export async function showRuntimeMenu(): Promise<void> {
  const separator = vscode.QuickPickItemKind.Separator;
  const items: CommandItem[] = [
    { label: '$(pulse) Open panel', command: commands.openPanel },
    { label: 'Runtime', kind: separator },
    { label: '$(server-environment) Select runtime…', command: commands.selectRuntime },
    { label: '$(plug) Pair a runtime…', command: commands.pair },
    { label: '$(vm) Start the runtime of this machine', command: commands.startLocalRuntime },
    { label: '$(debug-disconnect) Unpair a runtime…', command: commands.unpair },
    { label: '$(key) Set a secret…', command: commands.setSecret },
    { label: '$(trash) Remove a secret…', command: commands.removeSecret },
    { label: '$(database) Show storage…', command: commands.showStorage },
    { label: 'Cost', kind: separator },
    { label: '$(graph) Show cost', command: commands.showCost },
    { label: '$(law) Set a budget…', command: commands.setBudget },
    { label: 'More', kind: separator },
    { label: '$(debug-stop) Cancel a run…', command: commands.cancel },
    { label: '$(output) Show output', command: commands.showOutput },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: 'Velar' });
  if (picked?.command !== undefined) await vscode.commands.executeCommand(picked.command);
}
