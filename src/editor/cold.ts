/**
 * Entry of the extension's second bundle: what is loaded with its first use, so that activation does not
 * read it. Imported dynamically only; the build keeps it a file of its own.
 */
export { WorkspaceDiscovery } from '../client/discover';
export { Core } from './core';
export { removeBudget, setBudget } from './costs/budgets';
export { copyEndpointAddress } from './deployments/endpointAddress';
export { createEndpointKey, removeEndpointKey } from './deployments/endpointKeys';
export { setProtection } from './deployments/protection';
export { undeploy } from './deployments/undeploy';
export { fixesFor } from './diagnostics/fixes';
export { PanelView } from './panel/panelView';
export { removeSecret, setSecret } from './resources/secrets';
export { showStorage } from './resources/storage';
export { cancelRun } from './runs/cancelRun';
export { showRuntimeMenu } from './runtimes/runtimeMenu';
