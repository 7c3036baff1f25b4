/** The frames of a failure as one stack: the error's own first, then those of what it was raised from. Pure. */
import type {
  CapturedException,
  CapturedFrame,
  PostMortem,
} from '../../../../runtime/protocol/postMortem';

export type StackRow =
  /** Between two errors. */
  | { readonly kind: 'label'; readonly text: string }
  | {
      readonly kind: 'frame';
      readonly frame: CapturedFrame;
      readonly exception: CapturedException;
    };

const RELATIONS: Readonly<Record<CapturedException['relation'], string>> = {
  raised: '',
  cause: 'caused by',
  context: 'raised while handling',
  group: 'in the group:',
  caller: 'in the code that called it:',
};

export function stackOf({ exceptions }: PostMortem): StackRow[] {
  return exceptions.flatMap((exception): StackRow[] => {
    const { relation, frames, leftOut } = exception;
    const rows = frames.map((frame): StackRow => ({ kind: 'frame', frame, exception }));
    if (leftOut > 0) {
      // The first frames, that is the last rows, are those before the gap.
      const text = `${String(leftOut)} frames left out`;
      rows.splice(Math.max(0, rows.length - KEPT_FIRST), 0, { kind: 'label', text });
    }
    if (relation === 'raised') return rows;
    return [{ kind: 'label', text: `${RELATIONS[relation]} ${titleOf(exception)}` }, ...rows];
  });
}

/** Frames at the way in that a worker keeps before a gap. */
const KEPT_FIRST = 10;

/** `KeyError: 'b'`. */
export function titleOf({ type, message }: CapturedException): string {
  return message === '' ? type : `${type}: ${message}`;
}
