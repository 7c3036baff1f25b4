/** Facts -> every import of a module, with what its absence would mean. */
import type { Facts, Part } from './facts';
import type { ModuleImport } from './model';
import type { LineIndex } from './text';

interface Circumstances {
  readonly optional: boolean;
  readonly lazy: boolean;
}

/** Imports in source order, those in functions, branches and classes included. */
export function importsOf(facts: Facts, lines: LineIndex): ModuleImport[] {
  const found: ModuleImport[] = [];
  collect({ at: 0, facts }, 0, { optional: false, lazy: false }, lines, found);
  return found;
}

function collect(
  part: Part,
  base: number,
  circumstances: Circumstances,
  lines: LineIndex,
  found: ModuleImport[],
): void {
  const start = base + part.at;
  const into = (inner: Part | undefined, changed: Partial<Circumstances> = {}): void => {
    if (inner !== undefined) {
      collect(inner, start, { ...circumstances, ...changed }, lines, found);
    }
  };
  for (const item of part.facts.items) {
    switch (item.kind) {
      case 'import': {
        const from = start + item.at;
        found.push({
          module: item.module,
          level: item.level,
          names: item.names.map((name) => name.name),
          line: lines.lineAt(from),
          column: lines.columnAt(from),
          from,
          to: from + item.length,
          ...circumstances,
        });
        break;
      }
      case 'group':
        into(item.part);
        break;
      case 'function':
        into(item.body, { lazy: true });
        break;
      case 'class':
        into(item.body);
        break;
      case 'branch':
        for (const [index, arm] of item.arms.entries()) {
          into(arm, index === 0 && item.typeChecking ? { optional: true } : {});
        }
        break;
      case 'try': {
        const changed = item.guardsImports ? { optional: true } : {};
        into(item.body, changed);
        for (const handler of item.handlers) into(handler, changed);
        into(item.orElse);
        into(item.finalizer);
        break;
      }
      case 'bind':
      case 'return':
        break;
    }
  }
}
