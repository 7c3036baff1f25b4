import { posix, relative, sep } from 'node:path';

/**
 * Who may import whom: the one direction editor -> client -> protocol <- runtime. The first rule
 * whose `files` a file starts with applies. `tree`: path prefixes that relative imports may reach;
 * `packages`: bare names allowed (undefined: any but those in `not`).
 * @typedef {{ files: string[], tree: string[], packages?: string[], not?: string[] }} Boundary
 */

/** @type {Boundary[]} */
const BOUNDARIES = [
  {
    files: ['src/discovery/'],
    tree: ['src/discovery/'],
    packages: ['@lezer/python', '@lezer/common'],
  },
  {
    files: ['src/client/'],
    tree: ['src/client/', 'src/discovery/', 'runtime/protocol/'],
    not: ['vscode'],
  },
  {
    files: ['src/cli/'],
    tree: ['src/cli/', 'src/client/', 'src/discovery/', 'runtime/protocol/', 'package.json'],
    not: ['vscode'],
  },
  { files: ['src/editor/', 'src/extension.ts'], tree: ['src/', 'runtime/protocol/'] },
  { files: ['src/'], tree: ['src/', 'runtime/protocol/'], not: ['vscode'] },
  { files: ['runtime/protocol/'], tree: ['runtime/protocol/'], packages: ['zod', 'node:crypto'] },
  { files: ['runtime/'], tree: ['runtime/', 'package.json'], not: ['vscode'] },
  { files: ['webview/'], tree: ['webview/', 'runtime/protocol/'], not: ['vscode', 'node:'] },
  { files: ['test/editor/', 'bench/support/activationProbe.ts'], tree: [''] },
  { files: [''], tree: [''], not: ['vscode'] },
];

/**
 * Why an import is not allowed, or undefined when it is.
 * @param {string} file the importing file, relative to the root, with '/'
 * @param {string} specifier what it imports, as written
 * @returns {string | undefined}
 */
export function boundaryProblem(file, specifier) {
  const boundary = BOUNDARIES.find(({ files }) => files.some((start) => file.startsWith(start)));
  if (boundary === undefined) return undefined;
  const home = posix.dirname(file);
  if (specifier.startsWith('.')) {
    const target = posix.normalize(posix.join(home, specifier));
    if (boundary.tree.some((start) => target.startsWith(start))) return undefined;
    return `${home} must not import ${target}; it may import ${boundary.tree.join(', ')}.`;
  }
  if (boundary.packages !== undefined && !boundary.packages.includes(specifier)) {
    return `${home} must not import '${specifier}'; it may import ${boundary.packages.join(', ')}.`;
  }
  const refused = boundary.not?.find((name) => specifier === name || specifier.startsWith(name));
  if (refused === undefined) return undefined;
  return `${home} must not import '${specifier}'.`;
}

/**
 * ESLint rule that holds the boundaries above for imports, re-exports and dynamic imports.
 * @type {import('eslint').Rule.RuleModule}
 */
export const boundaries = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const file = relative(context.cwd, context.filename).split(sep).join('/');
    /** @param {import('estree').Node | null | undefined} source */
    const check = (source) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      const message = boundaryProblem(file, source.value);
      if (message !== undefined) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
    };
  },
};
