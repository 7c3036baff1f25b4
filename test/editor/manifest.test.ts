import * as assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { commands } from '../../src/editor/commandIds';
import { activated } from './support';

const ROOT = join(__dirname, '..', '..', '..');

interface Manifest {
  contributes: {
    commands: { command: string; title: string }[];
    menus: Record<string, { command: string }[]>;
    keybindings: { command: string }[];
    configuration: {
      properties: Record<string, { description?: string; markdownDescription?: string }>;
    };
    views: Record<string, { id: string }[]>;
    walkthroughs: { steps: { media: { markdown: string } }[] }[];
  };
  icon: string;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
const { contributes } = manifest;
const declared = contributes.commands.map(({ command }) => command);

describe('the manifest', () => {
  it('declares every command that the code has, and no other', async () => {
    await activated();
    assert.deepEqual([...declared].sort(), Object.values<string>(commands).sort());
    const registered = await vscode.commands.getCommands(true);
    for (const command of declared) {
      assert.ok(registered.includes(command), `${command} is declared but has no handler`);
    }
  });

  it('puts only declared commands into menus and keybindings', () => {
    const used = [...Object.values(contributes.menus).flat(), ...contributes.keybindings];
    for (const { command } of used) assert.ok(declared.includes(command), command);
  });

  it('names nothing of ours in code that it does not declare', () => {
    const known = new Set([
      ...declared,
      ...Object.keys(contributes.configuration.properties),
      ...Object.values(contributes.views)
        .flat()
        .map(({ id }) => id),
      // Context keys, tree item kinds, storage keys and the status bar item.
      ...['velar.fileHasFunctions', 'velar.runActive', 'velar.hasRuns'],
      ...['velar.app', 'velar.protectedApp', 'velar.endpoint', 'velar.version'],
      ...['velar.function', 'velar.container'],
      ...[
        'velar.arguments',
        'velar.tryInputs',
        'velar.budgetAlerts',
        'velar.runtimes',
        'velar.runtime',
        'velar.velar',
        'velar.codeLens',
      ],
    ]);
    const folder = join(ROOT, 'src', 'editor');
    const unknown = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').match(/'velar\.[\w.]+'/g) ?? [])
      .map((literal) => literal.slice(1, -1))
      .filter((id) => !known.has(id));
    assert.deepEqual(unknown, []);
  });

  it('describes every setting, and reads every one', () => {
    const source = readFileSync(join(ROOT, 'src', 'editor', 'settings.ts'), 'utf8');
    for (const [name, setting] of Object.entries(contributes.configuration.properties)) {
      assert.ok(setting.description ?? setting.markdownDescription, `${name} has no description`);
      const short = name.replace('velar.', '');
      assert.ok(source.includes(`'${short}'`), `${name} is declared but never read`);
    }
  });

  it('ships the icon and the walkthrough texts', () => {
    const texts = contributes.walkthroughs.flatMap(({ steps }) =>
      steps.map(({ media }) => media.markdown),
    );
    assert.equal(texts.length, 4);
    for (const path of [manifest.icon, ...texts])
      assert.ok(readFileSync(join(ROOT, path)).length > 0);
  });
});
