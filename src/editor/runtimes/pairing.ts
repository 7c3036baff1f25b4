/** Pairing in the editor: address, code, fingerprint; and its undoing. */
import { hostname } from 'node:os';
import * as vscode from 'vscode';
import { VelarError } from '../../../runtime/protocol/errors';
import { pair, parsePairingAddress, parsePairingCode } from '../../client/pairing';
import { readableFingerprint } from '../../client/tls';
import type { RuntimeEntry, RuntimeList } from '../../client/runtimes';
import { requireTrust } from '../errors';
import type { RuntimeManager } from './runtimeManager';

export interface PairingOffer {
  readonly address?: string | undefined;
  readonly code?: string | undefined;
}

export class PairingFlow {
  constructor(
    private readonly list: RuntimeList,
    private readonly manager: RuntimeManager,
  ) {}

  /** Asks for what the offer lacks, pairs and selects the runtime. Undefined when the person gave up. */
  async pair(offer: PairingOffer = {}): Promise<RuntimeEntry | undefined> {
    requireTrust('Pairing a runtime');
    const address = await this.askAddress(offer.address);
    if (address === undefined) return undefined;
    const code = offer.code ?? parsePairingAddress(address).code ?? (await this.askCode());
    if (code === undefined) return undefined;
    const paired = await this.exchange(address, parsePairingCode(code));
    if (paired === undefined) return undefined;
    const entry = await this.list.add(paired.entry, paired.token);
    await this.manager.select(entry.id);
    await this.manager.connected();
    void vscode.window.showInformationMessage(`Velar: paired with ${entry.name}.`);
    return entry;
  }

  /** A link from outside: never acted on without a yes, because anyone can make one. */
  async pairFromLink(link: vscode.Uri): Promise<void> {
    requireTrust('Pairing a runtime');
    const offer = readLink(link);
    // A fingerprint in the link vouches for nothing: it is shown and asked about like any other.
    const { url, code } = parsePairingAddress(offer.address);
    const yes = 'Pair';
    const answer = await vscode.window.showWarningMessage(
      `A link asks to pair this editor with the runtime at ${url}.`,
      {
        modal: true,
        detail:
          'Your source code is sent there at each run. Go on only if you started this runtime, or know who did.',
      },
      yes,
    );
    if (answer === yes) await this.pair({ address: url, code: offer.code ?? code });
  }

  async unpair(): Promise<void> {
    const entries = await this.list.list();
    if (entries.length === 0) {
      void vscode.window.showInformationMessage('Velar: no runtime is paired.');
      return;
    }
    const picked = await vscode.window.showQuickPick(
      entries.map((entry) => ({ label: entry.name, description: entry.url, entry })),
      { title: 'Unpair Runtime', placeHolder: 'Its token is revoked and forgotten' },
    );
    if (picked === undefined) return;
    const yes = 'Unpair';
    const answer = await vscode.window.showWarningMessage(
      `Unpair ${picked.label}?`,
      { modal: true, detail: 'To use it again you need a new code from it.' },
      yes,
    );
    if (answer === yes) await this.forget(picked.entry);
  }

  private async forget(entry: RuntimeEntry): Promise<void> {
    const selected = await this.list.selected();
    const told = await this.manager.revoke(entry);
    await this.list.remove(entry.id);
    if (selected?.id === entry.id) await this.manager.select(undefined);
    void vscode.window.showInformationMessage(
      told
        ? `Velar: unpaired ${entry.name}; its token is revoked.`
        : `Velar: forgot ${entry.name}. The runtime was not told; revoke the device “${deviceName()}” there too.`,
    );
  }

  private async askAddress(offered: string | undefined): Promise<string | undefined> {
    if (offered !== undefined) return offered;
    return vscode.window.showInputBox({
      title: 'Pair Runtime (1/2): address',
      prompt:
        'Run “velar serve --host 0.0.0.0” on the machine with the GPU; it prints the address and a code.',
      placeHolder: 'gpu-box.local:7420',
      ignoreFocusOut: true,
      validateInput: (text) => problemOf(() => parsePairingAddress(text)),
    });
  }

  private async askCode(): Promise<string | undefined> {
    return vscode.window.showInputBox({
      title: 'Pair Runtime (2/2): one-time code',
      prompt: 'The code that “velar serve” printed. It is good for ten minutes and one use.',
      placeHolder: 'ABCD-1234',
      ignoreFocusOut: true,
      validateInput: (text) => problemOf(() => parsePairingCode(text)),
    });
  }

  private async exchange(
    address: string,
    code: string,
  ): Promise<{ entry: RuntimeEntry; token: string } | undefined> {
    return vscode.window.withProgress(
      {
        location: vscode.ProgressLocation.Notification,
        title: 'Velar: pairing',
        cancellable: true,
      },
      async (_progress, token) => {
        const abort = new AbortController();
        token.onCancellationRequested(() => abort.abort());
        try {
          return await pair(address, code, deviceName(), confirmFingerprint, abort.signal);
        } catch (error) {
          if (VelarError.from(error).code === 'cancelled') return undefined;
          throw error;
        }
      },
    );
  }
}

/** Reads `…/pair?address=…&code=…`; the code may be missing. Throws `invalid` with what is wrong. */
function readLink({ path, query }: vscode.Uri): { address: string; code: string | undefined } {
  const hint = 'Copy the link again, or run Velar: Pair Runtime.';
  if (path !== '/pair') {
    throw new VelarError('invalid', `Velar does not know this link: ${path}.`, { hint });
  }
  const parts = new URLSearchParams(query);
  const address = parts.get('address');
  if (address === null || address === '') {
    throw new VelarError('invalid', 'The pairing link names no address.', { hint });
  }
  const code = parts.get('code');
  return { address, code: code === null ? undefined : parsePairingCode(code) };
}

function deviceName(): string {
  return `${vscode.env.appName} on ${hostname()}`;
}

async function confirmFingerprint(fingerprint: string): Promise<boolean> {
  const yes = 'They Are the Same';
  const answer = await vscode.window.showWarningMessage(
    'Does the runtime show the same fingerprint?',
    {
      modal: true,
      detail: `${readableFingerprint(fingerprint)}\n\nCompare it with what “velar serve” printed. If it differs, someone may stand between you and the runtime.`,
    },
    yes,
  );
  return answer === yes;
}

function problemOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return VelarError.from(error, 'invalid').message;
  }
}
