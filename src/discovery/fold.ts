/**
 * Syntax tree -> facts. An incremental parse keeps the Tree objects of unchanged syntax, so facts
 * are kept by Tree: after an edit only the path from the root to the edited statement is read again.
 */
import { IterMode } from '@lezer/common';
import type { SyntaxNode, Tree, TreeCursor } from '@lezer/common';
import { bindOther, namesBetween, readSimple } from './bindings';
import { readDecorator, readHeader, readImports } from './definitions';
import { source } from './expressions';
import { FactsBuilder, noFacts } from './facts';
import type { Facts, Part } from './facts';

/** Deeper syntax is not looked at; a call stack has room for it, and no real source has more. */
const maximumDepth = 1500;

const importErrors = new Set(['ImportError', 'ModuleNotFoundError', 'Exception', 'BaseException']);

/** Folds the trees of one document; keeps what it knows about syntax that later trees share. */
export class FactsFolder {
  private readonly known = new WeakMap<Tree, Facts>();
  private depth = 0;

  /** Facts of a whole tree. `text` is the text that the tree was parsed from. */
  fold(tree: Tree, text: string): Facts {
    const builder = new FactsBuilder(0);
    this.depth = 0;
    this.visit(tree.cursor(IterMode.IncludeAnonymous), text, builder);
    return builder.finish();
  }

  private visit(cursor: TreeCursor, text: string, out: FactsBuilder): void {
    if (this.depth >= maximumDepth) return;
    this.depth++;
    const tree = cursor.tree;
    if (tree === null) {
      this.read(cursor, text, out);
    } else {
      let facts = this.known.get(tree);
      if (facts === undefined) {
        const builder = new FactsBuilder(cursor.from);
        this.read(cursor, text, builder);
        facts = builder.finish();
        this.known.set(tree, facts);
      }
      out.attach(cursor.from, facts);
    }
    this.depth--;
  }

  private visitChildren(cursor: TreeCursor, text: string, out: FactsBuilder): void {
    if (!cursor.firstChild()) return;
    do this.visit(cursor, text, out);
    while (cursor.nextSibling());
    cursor.parent();
  }

  /** Facts of the node under the cursor as a part of its own. */
  private part(cursor: TreeCursor, text: string, base: number): Part {
    const builder = new FactsBuilder(cursor.from);
    this.visit(cursor, text, builder);
    return { at: cursor.from - base, facts: builder.finish() };
  }

  private read(cursor: TreeCursor, text: string, out: FactsBuilder): void {
    if (cursor.type.isError) {
      out.errors++;
      return;
    }
    switch (cursor.name) {
      case 'FunctionDefinition':
      case 'ClassDefinition':
        return this.readDefinition(cursor, text, out, undefined);
      case 'DecoratedStatement':
        return this.readDecorated(cursor, text, out);
      case 'IfStatement':
      case 'WhileStatement':
      case 'ForStatement':
      case 'MatchStatement':
      case 'MatchClause':
        return this.readBranches(cursor, text, out);
      case 'TryStatement':
        return this.readTry(cursor, text, out);
      case 'ImportStatement':
        for (const item of readImports(cursor.node, text, out.base)) out.add(item);
        return this.visitChildren(cursor, text, out);
      case 'LambdaExpression': {
        const yields = out.yields;
        this.visitChildren(cursor, text, out);
        out.yields = yields;
        return;
      }
      case 'YieldStatement':
      case 'YieldExpression': {
        // A bare `yield` is fine in Python but an error in the grammar.
        const errors = out.errors;
        this.visitChildren(cursor, text, out);
        if (cursor.node.firstChild?.nextSibling?.type.isError === true) out.errors = errors;
        out.yields = true;
        return;
      }
      case 'MemberExpression': {
        // `1.` is a number in Python but an unfinished attribute in the grammar.
        const errors = out.errors;
        this.visitChildren(cursor, text, out);
        if (isDigit(text.charCodeAt(cursor.from))) out.errors = errors;
        return;
      }
      default:
        this.visitChildren(cursor, text, out);
        readSimple(cursor, text, out);
    }
  }

  private readDecorated(cursor: TreeCursor, text: string, out: FactsBuilder): void {
    const before = out.errors;
    const node = cursor.node;
    if (!cursor.firstChild()) return;
    do {
      if (cursor.name === 'FunctionDefinition' || cursor.name === 'ClassDefinition') {
        this.readDefinition(cursor, text, out, { node, errors: out.errors - before });
      } else this.visit(cursor, text, out);
    } while (cursor.nextSibling());
    cursor.parent();
  }

  private readDefinition(
    cursor: TreeCursor,
    text: string,
    out: FactsBuilder,
    decorated: { node: SyntaxNode; errors: number } | undefined,
  ): void {
    const node = cursor.node;
    const header = readHeader(node, text);
    const kind = cursor.name === 'ClassDefinition' ? 'class' : 'function';
    let body: Part = { at: cursor.to - out.base, facts: noFacts };
    let bodyErrors = 0;
    const before = out.errors;
    if (cursor.firstChild()) {
      do {
        if (cursor.name === 'Body') {
          body = this.part(cursor, text, out.base);
          out.count(body);
          bodyErrors = body.facts.errors;
        } else this.visit(cursor, text, out);
      } while (cursor.nextSibling());
      cursor.parent();
    }
    if (header === undefined) return;
    const decorators = decorated?.node.getChildren('Decorator') ?? [];
    out.add({
      kind,
      name: header.name,
      decorators: decorators.flatMap((decorator) => readDecorator(decorator, text) ?? []),
      start: (decorated?.node ?? node).from - out.base,
      definition: node.from - out.base,
      nameAt: header.nameAt - out.base,
      header: header.headerEnd - out.base,
      end: header.end - out.base,
      parameters: header.parameters,
      returns: header.returns,
      returnAnnotation: header.returnAnnotation,
      isAsync: header.isAsync,
      headerErrors: out.errors - before - bodyErrors + (decorated?.errors ?? 0),
      body,
    });
  }

  /** Visits the children; bodies become parts, everything else belongs to the scope around. */
  private readArms(cursor: TreeCursor, text: string, out: FactsBuilder): Arm[] {
    const arms: Arm[] = [];
    let keyword = '';
    let names: string[] = [];
    if (!cursor.firstChild()) return arms;
    do {
      if (cursor.name === 'Body' || cursor.name === 'MatchBody') {
        const part = this.part(cursor, text, out.base);
        out.count(part);
        out.yields ||= part.facts.yields;
        arms.push({ keyword, names, part });
        names = [];
      } else {
        if (armKeywords.has(cursor.name)) keyword = cursor.name;
        else if (keyword === 'except' || keyword === 'if') {
          names.push(...source(cursor, text).split(/\W+/));
        }
        this.visit(cursor, text, out);
      }
    } while (cursor.nextSibling());
    cursor.parent();
    return arms;
  }

  private readBranches(cursor: TreeCursor, text: string, out: FactsBuilder): void {
    const loop = cursor.name === 'ForStatement';
    const targets = loop ? namesBetween(cursor.node, 'for', 'in', text) : [];
    const arms = this.readArms(cursor, text, out);
    if (targets.length > 0) bindOther(out, targets);
    if (arms.every((arm) => arm.part.facts.items.length === 0)) return;
    out.add({
      kind: 'branch',
      arms: arms.map((arm) => arm.part),
      exhaustive: cursor.name === 'IfStatement' && arms.at(-1)?.keyword === 'else',
      typeChecking: isTypeChecking(arms[0]?.names ?? []),
    });
  }

  private readTry(cursor: TreeCursor, text: string, out: FactsBuilder): void {
    const arms = this.readArms(cursor, text, out);
    const [body] = arms;
    if (body === undefined || arms.every((arm) => arm.part.facts.items.length === 0)) return;
    const handlers = arms.filter((arm) => arm.keyword === 'except');
    out.add({
      kind: 'try',
      body: body.part,
      handlers: handlers.map((arm) => arm.part),
      orElse: arms.find((arm) => arm.keyword === 'else')?.part,
      finalizer: arms.find((arm) => arm.keyword === 'finally')?.part,
      guardsImports: handlers.some(
        (arm) => arm.names.length === 0 || arm.names.some((name) => importErrors.has(name)),
      ),
    });
  }
}

interface Arm {
  readonly keyword: string;
  /** Words of the condition or of the exception types. */
  readonly names: readonly string[];
  readonly part: Part;
}

const armKeywords = new Set(['if', 'elif', 'else', 'try', 'except', 'finally', 'while', 'for']);

/** True for the words of `TYPE_CHECKING` and `typing.TYPE_CHECKING`. */
function isTypeChecking(words: readonly string[]): boolean {
  return words.length <= 2 && words.at(-1) === 'TYPE_CHECKING' && words[0] !== 'not';
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
