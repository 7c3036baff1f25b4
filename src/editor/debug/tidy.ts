/** debugpy's wording, made plain where it would puzzle. Pure. */
import { isBody, type DapBody } from './dap';

/** Appended to an exception's name where only user code is stopped in. */
const NOTE = /\s+\(note: full exception trace is shown[^)]*\)/;
const CURRENT = / \(Current frame\)/g;

/** The body of a response or event with debugpy's asides left out. */
export function tidy(name: string, body: DapBody): DapBody {
  switch (name) {
    case 'stopped':
      // Whoever pauses wants to see where it is: debugpy asks for the focus at other stops only.
      return withText({ ...body, preserveFocusHint: false }, ['text'], NOTE);
    case 'exceptionInfo': {
      const told = withText(body, ['exceptionId'], NOTE);
      const { details } = told;
      if (!isBody(details)) return told;
      const plain = withText(withText(details, ['typeName'], NOTE), ['stackTrace'], CURRENT);
      return { ...told, details: plain };
    }
    case 'stackTrace': {
      const { stackFrames } = body;
      if (!Array.isArray(stackFrames)) return body;
      const frames = stackFrames.filter(isBody).map((frame) => withText(frame, ['name'], CURRENT));
      return { ...body, stackFrames: frames };
    }
    default:
      return body;
  }
}

function withText(body: DapBody, keys: readonly string[], aside: RegExp): DapBody {
  const changed = keys.flatMap((key) => {
    const text = body[key];
    return typeof text === 'string' ? [[key, text.replace(aside, '')] as const] : [];
  });
  return { ...body, ...Object.fromEntries(changed) };
}
