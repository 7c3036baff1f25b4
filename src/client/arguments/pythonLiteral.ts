/** Reads Python literals as `ast.literal_eval` does, to say what a typed argument is before it is sent. Pure. */

/** What a literal evaluates to, as far as its type goes. */
export type LiteralShape =
  | { readonly kind: 'none' | 'bool' | 'int' | 'float' | 'complex' | 'str' | 'bytes' | 'ellipsis' }
  | { readonly kind: 'list' | 'tuple' | 'set'; readonly items: readonly LiteralShape[] }
  | {
      readonly kind: 'dict';
      readonly keys: readonly LiteralShape[];
      readonly values: readonly LiteralShape[];
    };

/** Nesting beyond which a literal is refused, well under Python's own limit. */
const MAX_DEPTH = 80;

const STRING =
  /(?:[rRuUbB]|[rR][bB]|[bB][rR])?(?:"""(?:[^\\]|\\[\s\S])*?"""|'''(?:[^\\]|\\[\s\S])*?'''|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*')/y;
const NUMBER =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:(?:\d(?:_?\d)*)?\.\d(?:_?\d)*|\d(?:_?\d)*\.?)(?:[eE][+-]?\d(?:_?\d)*)?[jJ]?)/y;
const SPACE = /(?:[ \t\f\r\n]|\\\r?\n|#[^\n]*)*/y;
const WORD = /[A-Za-z_]\w*|\.\.\./y;

/** The shape of the literal that `text` is, or undefined when it is none. Never throws. */
export function readPythonLiteral(text: string): LiteralShape | undefined {
  const reader = new LiteralReader(text.trim());
  const shape = reader.expression(0);
  return shape !== undefined && reader.finished() ? shape : undefined;
}

class LiteralReader {
  private position = 0;

  constructor(private readonly text: string) {}

  finished(): boolean {
    this.match(SPACE);
    return this.position === this.text.length;
  }

  /** A literal, or literals joined by commas without brackets, which make a tuple at the top. */
  expression(depth: number): LiteralShape | undefined {
    const first = this.value(depth);
    if (first === undefined || depth > 0 || !this.take(',')) return first;
    const items = [first];
    while (!this.finished()) {
      const item = this.value(depth);
      if (item === undefined) return undefined;
      items.push(item);
      if (!this.take(',')) break;
    }
    return { kind: 'tuple', items };
  }

  private value(depth: number): LiteralShape | undefined {
    if (depth > MAX_DEPTH) return undefined;
    this.match(SPACE);
    if (this.take('(')) return this.parenthesised(depth);
    if (this.take('[')) return this.sequence('list', ']', depth);
    if (this.take('{')) return this.braces(depth);
    const signed = this.take('-') || this.take('+');
    if (signed) this.match(SPACE);
    const number = this.match(NUMBER);
    if (number !== undefined) return this.imaginary(numberShape(number));
    if (signed) return undefined;
    return this.strings() ?? this.word();
  }

  /** `1 + 2j`: a real part with an imaginary one. */
  private imaginary(real: LiteralShape | undefined): LiteralShape | undefined {
    if (real?.kind !== 'int' && real?.kind !== 'float') return real;
    const start = this.position;
    if (this.take('+') || this.take('-')) {
      this.match(SPACE);
      const other = this.match(NUMBER);
      if (other !== undefined && numberShape(other)?.kind === 'complex') return { kind: 'complex' };
      this.position = start;
    }
    return real;
  }

  private strings(): LiteralShape | undefined {
    let kind: 'str' | 'bytes' | undefined;
    for (;;) {
      const start = this.position;
      this.match(SPACE);
      const literal = this.match(STRING);
      if (literal === undefined) {
        if (kind !== undefined) this.position = start;
        return kind === undefined ? undefined : { kind };
      }
      const found = /^[rR]?[bB]/.test(literal) ? 'bytes' : 'str';
      if (kind !== undefined && kind !== found) return undefined;
      kind = found;
    }
  }

  private word(): LiteralShape | undefined {
    switch (this.match(WORD)) {
      case 'None':
        return { kind: 'none' };
      case 'True':
      case 'False':
        return { kind: 'bool' };
      case '...':
        return { kind: 'ellipsis' };
      case 'set':
        return this.take('(') && this.take(')') ? { kind: 'set', items: [] } : undefined;
      default:
        return undefined;
    }
  }

  private parenthesised(depth: number): LiteralShape | undefined {
    if (this.take(')')) return { kind: 'tuple', items: [] };
    const first = this.value(depth + 1);
    if (first === undefined) return undefined;
    if (this.take(')')) return first;
    if (!this.take(',')) return undefined;
    const rest = this.sequence('tuple', ')', depth);
    return rest?.kind === 'tuple' ? { kind: 'tuple', items: [first, ...rest.items] } : undefined;
  }

  private sequence(kind: 'list' | 'tuple', close: string, depth: number): LiteralShape | undefined {
    const items: LiteralShape[] = [];
    while (!this.take(close)) {
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      if (this.take(',')) continue;
      if (this.take(close)) break;
      return undefined;
    }
    return { kind, items };
  }

  private braces(depth: number): LiteralShape | undefined {
    const keys: LiteralShape[] = [];
    const values: LiteralShape[] = [];
    while (!this.take('}')) {
      const key = this.value(depth + 1);
      if (key === undefined) return undefined;
      keys.push(key);
      if (this.take(':')) {
        const value = this.value(depth + 1);
        if (value === undefined) return undefined;
        values.push(value);
      }
      if (this.take(',')) continue;
      if (this.take('}')) break;
      return undefined;
    }
    if (keys.length > 0 && values.length === 0) return { kind: 'set', items: keys };
    return keys.length === values.length ? { kind: 'dict', keys, values } : undefined;
  }

  private take(token: string): boolean {
    this.match(SPACE);
    if (!this.text.startsWith(token, this.position)) return false;
    this.position += token.length;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.position += found.length;
    return found;
  }
}

/** Undefined for what Python refuses, such as `012`. */
function numberShape(text: string): LiteralShape | undefined {
  if (/[jJ]$/.test(text)) return { kind: 'complex' };
  if (/^0[xXoObB]/.test(text)) return { kind: 'int' };
  if (/[.eE]/.test(text)) return { kind: 'float' };
  return /^0+[1-9]/.test(text.replaceAll('_', '')) ? undefined : { kind: 'int' };
}
