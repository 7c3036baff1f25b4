/** The page's one line to the editor. */
import type { HostMessage, PageMessage } from '../runtime/protocol/panelMessages';
import { readPrefs, type Prefs } from './prefs';

interface VsCodeApi {
  postMessage(message: PageMessage): void;
  getState(): unknown;
  setState(state: Prefs): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

export interface Host {
  post(message: PageMessage): void;
  readonly prefs: Prefs;
  /** Keeps changed preferences across reloads of the page. */
  setPrefs(change: Partial<Prefs>): void;
  /** `listener` gets every message of a known type; others are not for this page. */
  onMessage(listener: (message: HostMessage) => void): void;
}

/** Connects to the editor. May be called once in the life of a page. */
export function connectHost(isHostMessage: (data: unknown) => data is HostMessage): Host {
  const api = acquireVsCodeApi();
  let prefs = readPrefs(api.getState());
  return {
    post: (message) => {
      api.postMessage(message);
    },
    get prefs() {
      return prefs;
    },
    setPrefs: (change) => {
      prefs = { ...prefs, ...change };
      api.setState(prefs);
    },
    onMessage: (listener) => {
      window.addEventListener('message', (event: MessageEvent<unknown>) => {
        if (isHostMessage(event.data)) listener(event.data);
      });
    },
  };
}
