/** Every command, and what it does. A command's error is shown to the person, never lost. */
import * as vscode from 'vscode';
import { commands } from './commandIds';
import type { ContainerNode } from './explorer/tree';
import type { FunctionReference } from './lenses';
import type { RunEntry } from './runs/runRecords';
import type { Services } from './services';

type Handler = (argument: unknown) => Promise<unknown>;

/** Registers the handlers. A command id without a handler is a compile error. */
export function registerCommands(services: Services): vscode.Disposable {
  const handlers: Record<keyof typeof commands, Handler> = {
    run: async (argument) => (await services.core()).runs.run(argument, false),
    runWithArguments: async (argument) => (await services.core()).runs.run(argument, true),
    debug: async (argument) => (await services.core()).debugging.start(argument),
    cancel: async (argument) => {
      const { cancelRun } = await import('./cold');
      await cancelRun(services.records, argument);
    },
    openPanel: async (argument) => openPanel(services, argument as FunctionReference | undefined),
    pair: async () => (await services.core()).pairing.pair(),
    unpair: async () => (await services.core()).pairing.unpair(),
    selectRuntime: async () => (await services.core()).selectRuntime(),
    startLocalRuntime: async () => (await services.core()).startLocalRuntime(),
    stopContainer: async (argument) =>
      (await services.core()).stopContainer(
        typeof argument === 'string'
          ? argument
          : (argument as ContainerNode | undefined)?.container.container,
      ),
    deployStaging: async (argument) => (await services.core()).deploying.deploy(argument),
    promote: async (argument) => (await services.core()).moving.promote(argument),
    rollback: async (argument) => (await services.core()).moving.rollback(argument),
    undeploy: async (argument) => {
      const { undeploy } = await import('./cold');
      await undeploy((await services.core()).manager, argument);
    },
    showChanges: async (argument) => (await services.core()).showChanges(argument),
    protectProduction: async (argument) => protect(services, argument, true),
    unprotectProduction: async (argument) => protect(services, argument, false),
    copyEndpointAddress: async (argument) => {
      const { copyEndpointAddress } = await import('./cold');
      const { manager } = await services.core();
      await copyEndpointAddress(manager, services.model, argument);
    },
    createEndpointKey: async (argument) => {
      const { createEndpointKey } = await import('./cold');
      await createEndpointKey((await services.core()).manager, argument);
    },
    removeEndpointKey: async () => {
      const { removeEndpointKey } = await import('./cold');
      await removeEndpointKey((await services.core()).manager);
    },
    tryDeployment: async (argument) => (await services.core()).tryDeployment(argument),
    setSecret: async () => {
      const { setSecret } = await import('./cold');
      await setSecret((await services.core()).manager);
    },
    removeSecret: async () => {
      const { removeSecret } = await import('./cold');
      await removeSecret((await services.core()).manager);
    },
    showStorage: async () => {
      const { showStorage } = await import('./cold');
      await showStorage((await services.core()).manager);
    },
    showCost: async (argument) => (await services.core()).costs.show(argument),
    setBudget: async () => {
      const { setBudget } = await import('./cold');
      await setBudget((await services.core()).manager);
    },
    removeBudget: async () => {
      const { removeBudget } = await import('./cold');
      await removeBudget((await services.core()).manager);
    },
    showBundle: async (argument) => {
      // A bundle is that of a file: which of its functions makes no difference.
      const { targets } = await services.core();
      await services.preview.open(targets.fileOf(argument));
    },
    openLog: async (argument) => {
      const entry = shownEntry(services, argument);
      if (entry !== undefined) await services.logs.open(entry);
    },
    inspectFailure: async (argument) => {
      const { postMortems } = await services.core();
      await postMortems.inspect(failedEntry(services, argument));
    },
    showOutput: async () => services.log.show(),
    runtimeMenu: async () => {
      const { showRuntimeMenu } = await import('./cold');
      await showRuntimeMenu();
    },
    refreshExplorer: async () => services.functions.rescan(),
  };
  const registrations = Object.entries(handlers).map(([name, handler]) =>
    vscode.commands.registerCommand(
      commands[name as keyof typeof commands],
      async (argument: unknown) => guarded(services, () => handler(argument)),
    ),
  );
  return vscode.Disposable.from(...registrations);
}

/** vscode://velar.velar/pair?address=…&code=… */
export function registerPairingLinks(services: Services): vscode.Disposable {
  return vscode.window.registerUriHandler({
    handleUri: async (uri) => {
      await guarded(services, async () => (await services.core()).pairing.pairFromLink(uri));
    },
  });
}

/** What a command gives back is of use to callers in code only where it is plain: the id of a run. */
async function guarded(
  services: Services,
  act: () => Promise<unknown>,
): Promise<string | undefined> {
  try {
    const result = await act();
    return typeof result === 'object' && result !== null && 'run' in result
      ? String(result.run)
      : undefined;
  } catch (error) {
    const core = await services.core();
    // Not waited for: the command is over, however long its message stays.
    void core.fail(error);
    return undefined;
  }
}

async function protect(services: Services, argument: unknown, on: boolean): Promise<void> {
  const { setProtection } = await import('./cold');
  await setProtection((await services.core()).manager, argument, on);
}

/** From a lens: the panel shows that function's run. */
async function openPanel(
  services: Services,
  reference: FunctionReference | undefined,
): Promise<void> {
  const entry =
    reference === undefined
      ? undefined
      : services.records.latest(reference.uri, reference.qualname);
  if (entry !== undefined) services.panel.select(entry.run);
  await services.panel.reveal(reference === undefined);
}

/** The failure that is meant: of the run named, else the one shown, else the newest. */
function failedEntry(services: Services, argument: unknown): RunEntry | undefined {
  const shown = shownEntry(services, argument);
  if (typeof argument === 'string' || shown?.record.error?.inspectable === true) return shown;
  return services.records.all.find(({ record }) => record.error?.inspectable === true);
}

function shownEntry(services: Services, argument: unknown): RunEntry | undefined {
  if (typeof argument === 'string') return services.records.get(argument);
  return services.panel.selected ?? services.records.all[0];
}
