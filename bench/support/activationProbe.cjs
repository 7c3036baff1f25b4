/** Runs in VS Code's extension host: measures how long the extension takes to load and activate. */
const { writeFileSync } = require('node:fs');
const vscode = require('vscode');

exports.run = async () => {
  const extension = vscode.extensions.getExtension('velar.velar');
  if (extension === undefined) throw new Error('The extension is not installed.');
  const wasActive = extension.isActive;
  const began = performance.now();
  const { activationMs } = await extension.activate();
  const ms = performance.now() - began;
  writeFileSync(process.env.VELAR_BENCH_OUT, JSON.stringify({ wasActive, activationMs, ms }));
};
