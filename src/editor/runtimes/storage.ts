/** Where the editor keeps paired runtimes: the list in its global state, tokens in its secret storage. */
import type * as vscode from 'vscode';
import type { EntryStorage, TokenStorage } from '../../client/runtimes';

/** Where the list lies in the editor's global state; absent until something was paired. */
export const RUNTIMES_KEY = 'velar.runtimes';

/** Workspace settings have no part in this, so a cloned repository can't point runs elsewhere. */
export function entryStorage(state: vscode.Memento): EntryStorage {
  return {
    read: async () => state.get<unknown>(RUNTIMES_KEY),
    write: async (value) => state.update(RUNTIMES_KEY, value),
  };
}

export function tokenStorage(secrets: vscode.SecretStorage): TokenStorage {
  const key = (runtime: string): string => `velar.token.${runtime}`;
  return {
    get: async (runtime) => secrets.get(key(runtime)),
    set: async (runtime, token) => secrets.store(key(runtime), token),
    delete: async (runtime) => secrets.delete(key(runtime)),
  };
}
