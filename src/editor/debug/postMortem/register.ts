/** The debug type `velar`, as far as failures that are over go: registered at activation, loaded with its first use. */
import * as vscode from 'vscode';
import type { Services } from '../../services';

export function registerPostMortems(services: Services): vscode.Disposable {
  return vscode.debug.registerDebugAdapterDescriptorFactory('velar', {
    createDebugAdapterDescriptor: async (session) =>
      (await services.core()).postMortems.adapterOf(session),
  });
}
