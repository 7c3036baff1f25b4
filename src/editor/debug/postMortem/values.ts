/** Captured values as a debugger shows them. Pure. */
import type {
  CapturedValue,
  CapturedVariable,
  PostMortem,
} from '../../../../runtime/protocol/postMortem';

/** Characters of the preview of what is in a container. */
const PREVIEW = 80;
const HIDDEN_MARK = '<hidden';
/** Classes whose text is the value as Python writes it. */
const PLAIN = new Set(['str', 'int', 'float', 'bool', 'NoneType', 'bytes', 'bytearray', 'complex']);

export interface ShownValue {
  readonly value: string;
  readonly type: string;
  /** There is something in it that was captured. */
  readonly opens: boolean;
}

export function showValue(frames: PostMortem, index: number): ShownValue {
  const captured = frames.values[index];
  if (captured === undefined) return { value: 'not captured', type: '', opens: false };
  return {
    value: textOf(frames, captured),
    type: captured.type,
    opens: (captured.children?.length ?? 0) > 0 || (captured.more ?? 0) > 0,
  };
}

/** What is in a value; undefined for the index of none. */
export function childrenOf(
  frames: PostMortem,
  index: number,
): { children: readonly CapturedVariable[]; more: number } | undefined {
  const captured = frames.values[index];
  if (captured === undefined) return undefined;
  return { children: captured.children ?? [], more: captured.more ?? 0 };
}

function textOf(frames: PostMortem, captured: CapturedValue): string {
  const { type, text, children, more } = captured;
  if (text.startsWith(HIDDEN_MARK)) return text;
  if (type === 'str') return quoted(text);
  if (PLAIN.has(type)) return text;
  if (children !== undefined && children.length > 0) {
    const inside = preview(frames, captured);
    return text === '' ? `${type} {${inside}}` : `${type}, ${text}: ${inside}`;
  }
  const missing = more === undefined ? '' : ' (what is in it was not captured)';
  return `${text === '' ? type : text.startsWith(type) ? text : `${type}: ${text}`}${missing}`;
}

function preview(frames: PostMortem, { children = [], more = 0 }: CapturedValue): string {
  let shown = '';
  for (const [name, index] of children) {
    const child = frames.values[index];
    if (child === undefined) continue;
    const value =
      child.type === 'str' && !child.text.startsWith(HIDDEN_MARK)
        ? quoted(child.text)
        : PLAIN.has(child.type)
          ? child.text
          : child.type;
    const part = /^\[\d+\]$/.test(name) ? value : `${name}: ${value}`;
    if (shown.length + part.length > PREVIEW) return `${shown}…`;
    shown += `${shown === '' ? '' : ', '}${part}`;
  }
  return more === 0 ? shown : `${shown}, …`;
}

/** A text as Python would write it, near enough to be read as one. */
function quoted(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return escaped.includes("'") ? JSON.stringify(text) : `'${escaped}'`;
}
