/** velar.showStorage: what lies on the runtime's disk, how large it is, and its removal after a yes. */
import * as vscode from 'vscode';
import { formatBytes, plural } from '../../../runtime/protocol/figures';
import type { StorageItem } from '../../../runtime/protocol/resources';
import type { ClientConnection } from '../../client/api';
import { freedText, isRemovable, lastUsedText } from '../../client/storage';
import type { RuntimeManager } from '../runtimes/runtimeManager';

const sum = (items: readonly StorageItem[]): number =>
  items.reduce((total, { bytes }) => total + bytes, 0);

/** Lists images, model caches, volumes, runs and bundles; removes those that are ticked, after asking. */
export async function showStorage(manager: RuntimeManager): Promise<void> {
  const { name, connection } = await manager.connected();
  const { items } = await connection.request('storage.list', {});
  if (items.length === 0) {
    void vscode.window.showInformationMessage(`Velar: ${name} keeps nothing on its disk.`);
    return;
  }
  const picked = await vscode.window.showQuickPick(
    [...items]
      .sort((a, b) => b.bytes - a.bytes)
      .map((item) => ({
        label: item.label,
        description: formatBytes(item.bytes),
        detail: `${item.kind} ${item.name} · ${item.inUse ? 'in use' : `last used: ${lastUsedText(item)}`}`,
        item,
      })),
    {
      title: `Storage of ${name}: ${formatBytes(sum(items))}`,
      placeHolder: 'Tick what is to be removed',
      canPickMany: true,
      matchOnDescription: true,
      matchOnDetail: true,
    },
  );
  const chosen = picked?.map(({ item }) => item) ?? [];
  const removable = chosen.filter(isRemovable);
  if (removable.length === 0) {
    if (chosen.length > 0) {
      void vscode.window.showWarningMessage('Velar: what is in use stays. Nothing was removed.');
    }
    return;
  }
  if (await confirmed(removable, chosen.length - removable.length)) {
    await remove(connection, removable);
  }
}

async function confirmed(items: readonly StorageItem[], staying: number): Promise<boolean> {
  const yes = 'Remove';
  const answer = await vscode.window.showWarningMessage(
    `Remove ${plural(items.length, 'item')}, ${formatBytes(sum(items))}?`,
    {
      modal: true,
      detail: [
        ...items.map(({ label, bytes }) => `${label} (${formatBytes(bytes)})`),
        ...(staying === 0 ? [] : [`${plural(staying, 'item')} in use will stay.`]),
        '',
        'What they hold is gone for good.',
      ].join('\n'),
    },
    yes,
  );
  return answer === yes;
}

async function remove(connection: ClientConnection, items: readonly StorageItem[]): Promise<void> {
  const title = 'Velar: removing';
  const location = vscode.ProgressLocation.Notification;
  const freed = await vscode.window.withProgress({ location, title }, async (progress) => {
    let freed = 0;
    for (const { kind, name, label } of items) {
      progress.report({ message: label });
      freed += (await connection.request('storage.remove', { kind, name })).bytes;
    }
    return freed;
  });
  void vscode.window.showInformationMessage(`Velar: ${freedText(freed)}`);
}
