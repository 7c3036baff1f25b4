import * as assert from 'node:assert/strict';
import { boundaryProblem } from '../../scripts/lint/boundaries.mjs';

describe('import boundaries', () => {
  const refused: [file: string, specifier: string][] = [
    ['src/discovery/parser.ts', 'vscode'],
    ['src/discovery/parser.ts', 'node:fs'],
    ['src/discovery/parser.ts', '../client/bundle'],
    ['src/client/bundle.ts', 'vscode'],
    ['src/client/bundle.ts', '../editor/lenses'],
    ['src/client/bundle.ts', '../../runtime/server/main'],
    ['src/cli/run.ts', '../editor/lenses'],
    ['src/editor/lenses.ts', '../../runtime/scheduling/scheduler'],
    ['runtime/server/main.ts', '../../src/client/bundle'],
    ['runtime/server/main.ts', 'vscode'],
    ['runtime/protocol/errors.ts', '../server/main'],
    ['runtime/protocol/errors.ts', 'ws'],
    ['webview/main.ts', '../src/client/runState'],
    ['webview/main.ts', 'node:fs'],
    ['test/client/bundle.test.ts', 'vscode'],
  ];
  for (const [file, specifier] of refused) {
    it(`keeps ${file} from importing ${specifier}`, () => {
      assert.match(boundaryProblem(file, specifier) ?? '', /must not import/);
    });
  }

  const allowed: [file: string, specifier: string][] = [
    ['src/discovery/parser.ts', '@lezer/python'],
    ['src/client/bundle.ts', '../../runtime/protocol/errors'],
    ['src/client/bundle.ts', 'node:fs/promises'],
    ['src/cli/run.ts', '../client/bundle'],
    ['src/editor/lenses.ts', 'vscode'],
    ['src/extension.ts', 'vscode'],
    ['runtime/server/main.ts', '../protocol/errors'],
    ['webview/main.ts', '../runtime/protocol/panel'],
    ['test/editor/lenses.test.ts', 'vscode'],
  ];
  for (const [file, specifier] of allowed) {
    it(`lets ${file} import ${specifier}`, () => {
      assert.equal(boundaryProblem(file, specifier), undefined);
    });
  }
});
