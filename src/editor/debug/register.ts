/** The debug type `velar`: registered at activation, loaded with its first use. */
import * as vscode from 'vscode';
import { isPythonSource } from '../documents';
import { isRunnable } from '../lensTitles';
import type { Services } from '../services';
import { DEBUG_TYPE } from './debugType';

export function registerDebugging(services: Services): vscode.Disposable {
  const resolver: vscode.DebugConfigurationProvider = {
    // F5 without a launch.json: the function at the cursor.
    resolveDebugConfiguration: (_folder, configuration) =>
      configuration.request ? configuration : launchOf('Debug on GPU', undefined),
    resolveDebugConfigurationWithSubstitutedVariables: async (folder, configuration) =>
      (await services.core()).debugging.resolve(folder, configuration),
  };
  const lister: vscode.DebugConfigurationProvider = {
    provideDebugConfigurations: async () => functionsInView(services),
  };
  const { Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  return vscode.Disposable.from(
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, resolver),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, lister, Dynamic),
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, {
      createDebugAdapterDescriptor: async (session) =>
        (await services.core()).debugging.adapterOf(session),
    }),
  );
}

/** One configuration for each function of the file in the editor. */
async function functionsInView({ documents }: Services): Promise<vscode.DebugConfiguration[]> {
  const document = vscode.window.activeTextEditor?.document;
  if (document === undefined || !isPythonSource(document)) return [];
  return (await documents.functions(document))
    .filter((found) => isRunnable(found) && found.kind !== 'local_entrypoint')
    .map(({ qualname }) => ({
      ...launchOf(`Debug ${qualname}`, qualname),
      ...(document.uri.scheme === 'file' ? { file: document.uri.fsPath } : {}),
    }));
}

function launchOf(name: string, qualname: string | undefined): vscode.DebugConfiguration {
  const named = qualname === undefined ? {} : { function: qualname };
  return { type: DEBUG_TYPE, request: 'launch', name, ...named };
}
