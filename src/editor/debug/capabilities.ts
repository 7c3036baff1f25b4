/** What the adapter says it can, before there is a debugger to ask; what debugpy >= 1.6.3 can. Pure. */
import type { DapBody } from './dap';

/** Exceptions that a person may want to stop at. */
export const EXCEPTION_FILTERS = [
  {
    filter: 'raised',
    label: 'Raised Exceptions',
    description: 'Stop wherever an exception is raised, caught or not.',
    default: false,
    supportsCondition: false,
  },
  {
    filter: 'uncaught',
    label: 'Uncaught Exceptions',
    description: 'Stop where an exception leaves the function, before the run fails.',
    default: true,
    supportsCondition: false,
  },
] as const;

export const CAPABILITIES: DapBody = {
  supportsCompletionsRequest: true,
  supportsConditionalBreakpoints: true,
  supportsConfigurationDoneRequest: true,
  supportsDelayedStackTraceLoading: true,
  supportsEvaluateForHovers: true,
  supportsExceptionInfoRequest: true,
  supportsFunctionBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsModulesRequest: true,
  supportsSetExpression: true,
  supportsSetVariable: true,
  supportsValueFormattingOptions: true,
  supportTerminateDebuggee: true,
  supportsGotoTargetsRequest: true,
  supportsClipboardContext: true,
  supportsStepInTargetsRequest: true,
  exceptionBreakpointFilters: EXCEPTION_FILTERS,
};

/**
 * The filters as debugpy knows them. A function's exception is caught by the runner that called it, so
 * "uncaught" is what debugpy calls unhandled by the user's own code.
 */
export function debugpyFilters(filters: unknown): string[] {
  const chosen = Array.isArray(filters) ? filters.filter((each) => typeof each === 'string') : [];
  return chosen.flatMap((each) => (each === 'uncaught' ? ['uncaught', 'userUnhandled'] : [each]));
}

export interface AttachChoices {
  readonly justMyCode: boolean;
  /** Folder in the container with the bundle's files. */
  readonly remoteRoot: string;
}

/** Arguments of debugpy's `attach`. */
export function attachArguments({ justMyCode, remoteRoot }: AttachChoices): DapBody {
  return {
    justMyCode,
    // Output comes on the run's log already, whoever debugs it.
    redirectOutput: false,
    subProcess: true,
    showReturnValue: true,
    // Says which files are the bundle's: debugpy then gives all others as text, by reference.
    pathMappings: [{ localRoot: remoteRoot, remoteRoot }],
    // Whoever debugs a function has no use for the frames of the runner that called it.
    rules: [{ path: '**/velar_worker/**', include: false }],
  };
}

/** Arguments of debugpy's `initialize`: what the client can, and how it writes. */
export function initializeArguments(client: DapBody): DapBody {
  return {
    ...client,
    adapterID: 'velar',
    pathFormat: 'path',
    // Children are told of by an event that works over channels, not by a request that names a port.
    supportsStartDebuggingRequest: false,
    supportsRunInTerminalRequest: false,
  };
}
