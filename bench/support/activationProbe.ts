/** Runs in VS Code's extension host: measures how long the extension takes to load and activate. */
import { writeFileSync } from 'node:fs';
import * as vscode from 'vscode';

/** Writes what it measured to the file that VELAR_BENCH_OUT names, as JSON. */
export async function run(): Promise<void> {
  const out = process.env['VELAR_BENCH_OUT'];
  const extension = vscode.extensions.getExtension<{ activationMs: number }>('velar.velar');
  if (extension === undefined || out === undefined) throw new Error('Nothing to measure.');
  const wasActive = extension.isActive;
  const began = performance.now();
  const { activationMs } = await extension.activate();
  const ms = performance.now() - began;
  writeFileSync(out, JSON.stringify({ wasActive, activationMs, ms }));
}
