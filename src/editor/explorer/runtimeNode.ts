/** The runtime's line in the explorer: its cards, with live figures under the pointer. */
import * as vscode from 'vscode';
import { cardsText } from '../../../runtime/protocol/cardFigures';
import type { Gpu, GpuList } from '../../../runtime/protocol/methods';
import type { PanelRuntime } from '../../../runtime/protocol/panelMessages';

/** A runtime with cards; one without has nothing to show. */
export function hasCards({ state, gpus }: PanelRuntime): boolean {
  return state === 'connected' && gpus.length > 0;
}

export function runtimeItem({ name, gpus }: PanelRuntime): vscode.TreeItem {
  const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.None);
  item.id = 'runtime';
  item.description = gpus.map((gpu) => gpu.model ?? gpu.name).join(', ');
  item.iconPath = new vscode.ThemeIcon('circuit-board');
  item.accessibilityInformation = { label: `Runtime ${name}, ${item.description}` };
  return item;
}

/** Reads the cards now; what was known before stays where they can't be read. */
export async function withLiveCards(
  item: vscode.TreeItem,
  known: readonly Gpu[],
  read: () => Promise<GpuList | undefined>,
): Promise<vscode.TreeItem> {
  const list = await read().catch(() => undefined);
  item.tooltip = cardsText(list?.gpus ?? known, list?.source);
  return item;
}
