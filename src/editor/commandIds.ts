/** Every command id of the extension; package.json declares the same ones, which a test holds. */
export const commands = {
  run: 'velar.run',
  runWithArguments: 'velar.runWithArguments',
  cancel: 'velar.cancel',
  openPanel: 'velar.openPanel',
  pair: 'velar.pair',
  unpair: 'velar.unpair',
  selectRuntime: 'velar.selectRuntime',
  startLocalRuntime: 'velar.startLocalRuntime',
  stopContainer: 'velar.stopContainer',
  showBundle: 'velar.showBundle',
  openLog: 'velar.openLog',
  showOutput: 'velar.showOutput',
  runtimeMenu: 'velar.runtimeMenu',
  refreshExplorer: 'velar.refreshExplorer',
} as const;
