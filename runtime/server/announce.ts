/** What `velar serve` prints: where to pair, with which code, and which certificate to expect. */
import { createInterface } from 'node:readline';
import type { PairingCode } from './pairing';
import type { Runtime } from './runtime';

/** Prints the address and a first code; with a terminal, each Enter prints another code. */
export function announce(runtime: Runtime, json: boolean): void {
  const { server, tls } = runtime;
  const show = json ? showJson : showText;
  const print = (): void => {
    const code = server.issueCode();
    process.stdout.write(show({ url: server.url, fingerprint: tls?.fingerprint ?? null, code }));
  };
  print();
  if (!process.stdin.isTTY) return;
  if (!json) process.stdout.write('Press Enter for a new code, Ctrl-C to stop.\n');
  const lines = createInterface({ input: process.stdin });
  lines.on('line', print);
  void runtime.ended.then(() => {
    lines.close();
  });
}

interface Announcement {
  url: string;
  fingerprint: string | null;
  code: PairingCode;
}

function showJson({ url, fingerprint, code }: Announcement): string {
  const at = Date.now();
  return `${JSON.stringify({ type: 'serving', at, url, fingerprint, ...code })}\n`;
}

function showText({ url, fingerprint, code }: Announcement): string {
  const until = new Date(code.expiresAt).toLocaleTimeString();
  return [
    '',
    `  Address      ${url}`,
    ...(fingerprint === null ? [] : [`  Certificate  SHA-256 ${fingerprint}`]),
    `  Code         ${code.code}   (good once, until ${until})`,
    '',
    `  velar pair ${url}   or, in VS Code, Velar: Pair Runtime`,
    '',
    '',
  ].join('\n');
}
