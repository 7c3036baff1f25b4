/** The status bar: which runtime, its state, its GPU, the runs that are going. */
import * as vscode from 'vscode';
import type { PanelRuntime } from '../../../runtime/protocol/panelMessages';
import { stoppedText } from '../../../runtime/protocol/stopped';
import { commands } from '../commandIds';
import type { RunRecords } from '../runs/runRecords';
import type { RuntimeModel } from './runtimeModel';

export class RuntimeStatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly model: RuntimeModel,
    private readonly records: RunRecords,
  ) {
    this.item = vscode.window.createStatusBarItem(
      'velar.runtime',
      vscode.StatusBarAlignment.Left,
      0,
    );
    this.item.name = 'Velar Runtime';
    this.item.command = commands.runtimeMenu;
    this.disposables = [
      this.item,
      model.onDidChange(() => this.show()),
      records.onDidChange(() => this.show()),
    ];
    this.show();
    this.item.show();
  }

  private show(): void {
    const runtime = this.model.value;
    const { active } = this.records;
    const stopped = active.flatMap(({ record }) => stoppedText(record) ?? [])[0];
    const text = statusText(runtime, active.length, stopped);
    if (text === this.item.text) return;
    this.item.text = text;
    this.item.tooltip = statusTooltip(runtime, active.length, stopped);
    this.item.accessibilityInformation = {
      label: spoken(runtime, active.length, stopped),
      role: 'button',
    };
    this.item.backgroundColor =
      runtime.state === 'failed'
        ? new vscode.ThemeColor('statusBarItem.errorBackground')
        : undefined;
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}

const ICONS: Readonly<Record<PanelRuntime['state'], string>> = {
  off: '$(circle-large-outline)',
  starting: '$(loading~spin)',
  connected: '$(circle-large-filled)',
  reconnecting: '$(sync~spin)',
  failed: '$(error)',
};

const STATES: Readonly<Record<PanelRuntime['state'], string>> = {
  off: 'not started; starts with the first run',
  starting: 'starting',
  connected: 'connected',
  reconnecting: 'connection lost, trying again',
  failed: 'not available',
};

function statusText(runtime: PanelRuntime, active: number, stopped: string | undefined): string {
  const runs = active === 0 ? '' : ` $(run-all) ${String(active)}`;
  const debugged = stopped === undefined ? '' : ` $(debug-pause) ${stopped}`;
  return `${ICONS[runtime.state]} Velar: ${runtime.name}${gpuText(runtime)}${runs}${debugged}`;
}

/** GPUs by name with their count; said only of a runtime that has told. */
function gpuText(runtime: PanelRuntime): string {
  if (runtime.state !== 'connected') return '';
  if (runtime.gpus.length === 0) return ' (no GPU)';
  const counts = new Map<string, number>();
  for (const { model, name } of runtime.gpus) {
    counts.set(model ?? name, (counts.get(model ?? name) ?? 0) + 1);
  }
  const names = [...counts].map(([name, count]) =>
    count > 1 ? `${name} × ${String(count)}` : name,
  );
  return ` (${names.join(', ')})`;
}

function statusTooltip(runtime: PanelRuntime, active: number, stopped: string | undefined): string {
  const lines = [
    `Velar runtime “${runtime.name}”: ${STATES[runtime.state]}`,
    runtime.message ?? '',
    runtime.state === 'connected' ? (runtime.gpuNote ?? '') : '',
    active === 0 ? '' : `${String(active)} active ${active === 1 ? 'run' : 'runs'}`,
    stopped === undefined ? '' : `${capitalised(stopped)}; the cost clock goes on`,
    'Click for what you can do.',
  ];
  return lines.filter((line) => line !== '').join('\n');
}

function spoken(runtime: PanelRuntime, active: number, stopped: string | undefined): string {
  const runs = active === 0 ? '' : `, ${String(active)} active ${active === 1 ? 'run' : 'runs'}`;
  return `Velar runtime ${runtime.name}${gpuText(runtime)}, ${STATES[runtime.state]}${runs}${stopped === undefined ? '' : `, ${stopped}`}`;
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
