/**
 * Entry of the extension's second bundle: what is loaded with its first use, so that activation does not
 * read it. Imported dynamically only; the build keeps it a file of its own.
 */
export { WorkspaceDiscovery } from '../client/discover';
export { Core } from './core';
export { fixesFor } from './diagnostics/fixes';
export { PanelView } from './panel/panelView';
export { removeSecret, setSecret } from './resources/secrets';
export { showStorage } from './resources/storage';
export { cancelRun } from './runs/cancelRun';
export { showRuntimeMenu } from './runtimes/runtimeMenu';
