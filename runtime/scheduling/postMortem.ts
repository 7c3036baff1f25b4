/** Reads what a worker captured of a failure. Pure. */
import { MAX_VALUE_CHARACTERS, postMortemSchema, type PostMortem } from '../protocol/postMortem';

/** More than a worker ever sends. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Undefined for what no worker of ours sends: a failure is told without its frames then. */
export function readPostMortem(body: Uint8Array): PostMortem | undefined {
  if (body.byteLength > MAX_BYTES) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
  const parsed = postMortemSchema.safeParse(json);
  return parsed.success ? parsed.data : undefined;
}

/** With every text as short as it is kept. Only after secrets are hidden: half of one would be shown. */
export function shortened(frames: PostMortem): PostMortem {
  return {
    ...frames,
    exceptions: frames.exceptions.map((exception) => ({
      ...exception,
      message: cut(exception.message),
      frames: exception.frames.map((frame) => ({ ...frame, text: cut(frame.text) })),
    })),
    values: frames.values.map((value) => ({ ...value, text: cut(value.text) })),
  };
}

function cut(text: string): string {
  if (text.length <= MAX_VALUE_CHARACTERS) return text;
  return `${text.slice(0, MAX_VALUE_CHARACTERS - 1)}…`;
}
