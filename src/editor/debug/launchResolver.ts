/** From a launch configuration to the function and arguments of a run. */
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import type { RunInput } from '../runs/callInput';
import type { RunService } from '../runs/runService';
import type { RunTarget, TargetFinder } from '../runs/target';
import {
  givenArguments,
  readLaunch,
  type LaunchConfiguration,
  type ResolvedCall,
} from './configuration';

export class LaunchResolver {
  constructor(
    private readonly targets: TargetFinder,
    private readonly runs: RunService,
    /** Sessions of functions that live. */
    private readonly sessions: () => Iterable<vscode.DebugSession>,
  ) {}

  /**
   * The configuration with the function and its arguments; undefined where the person gave up. One that has
   * been resolved before, as at a restart, stays as it is. Throws `invalid`, `not-found`.
   */
  async resolve(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const launch = readLaunch(configuration);
    if (launch.call !== undefined) return configuration;
    const target = await this.targetOf(folder, launch);
    if (target === undefined) return undefined;
    const { qualname, kind } = target.found;
    if (kind === 'local_entrypoint') {
      throw new VelarError('invalid', `${qualname} runs on this machine, not on the runtime.`, {
        hint: 'Debug one of the functions that it calls.',
      });
    }
    const uri = target.uri.toString();
    if (!(await this.mayStart(uri, qualname))) return undefined;
    const input = await this.inputOf(target, launch);
    if (input === undefined) return undefined;
    const call: ResolvedCall = { uri, qualname, ...input };
    return { ...configuration, call };
  }

  private async targetOf(
    folder: vscode.WorkspaceFolder | undefined,
    { file, function: qualname }: LaunchConfiguration,
  ): Promise<RunTarget | undefined> {
    if (file === undefined && qualname === undefined) return this.targets.find(undefined);
    const uri =
      file === undefined ? vscode.window.activeTextEditor?.document.uri : uriOf(file, folder);
    if (uri === undefined || qualname === undefined) {
      const missing = uri === undefined ? 'file' : 'function';
      throw new VelarError('invalid', `The debug configuration has no “${missing}”.`, {
        hint: 'Name both, or neither to debug the function at the cursor.',
      });
    }
    try {
      return await this.targets.find({ uri: uri.toString(), qualname });
    } catch (cause) {
      if (cause instanceof VelarError) throw cause;
      throw new VelarError('not-found', `${uri.fsPath} can't be read.`, {
        hint: 'Correct “file” in launch.json.',
        cause,
      });
    }
  }

  private async inputOf(
    target: RunTarget,
    launch: LaunchConfiguration,
  ): Promise<RunInput | undefined> {
    const given = givenArguments(launch);
    const instance = launch.instance === undefined ? undefined : givenArguments(launch.instance);
    const asked = given === undefined ? await this.runs.input(target) : { arguments: given };
    return asked === undefined || instance === undefined ? asked : { ...asked, instance };
  }

  /** A second session of the same function is asked about. */
  private async mayStart(uri: string, qualname: string): Promise<boolean> {
    const same = [...this.sessions()].find(({ configuration }) => {
      if (configuration.request !== 'launch') return false;
      const { call } = readLaunch(configuration);
      return call?.uri === uri && call.qualname === qualname;
    });
    if (same === undefined) return true;
    const again = 'Stop and Debug Again';
    const both = 'Debug Both';
    const answer = await vscode.window.showWarningMessage(
      `${qualname} is being debugged already.`,
      {
        modal: true,
        detail: 'Each session has a runner of its own on the runtime, and costs on its own.',
      },
      again,
      both,
    );
    if (answer === again) await vscode.debug.stopDebugging(same);
    return answer === again || answer === both;
  }
}

function uriOf(file: string, folder: vscode.WorkspaceFolder | undefined): vscode.Uri {
  // More than one letter: `C:` is a drive.
  if (/^[a-z][\w+.-]+:/i.test(file)) return vscode.Uri.parse(file);
  const root = folder?.uri.fsPath ?? vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
  return vscode.Uri.file(isAbsolute(file) ? file : join(root, file));
}
