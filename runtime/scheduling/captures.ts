/** Frames of failed calls that a run's code made, until it is known which of them ended the run. */
import type { PostMortem } from '../protocol/postMortem';
import type { RunError } from '../protocol/values';

/** Captures that are kept of a run: the first, and the newest of the others. */
const MAX_FIRST = 8;
const MAX_KEPT = 16;

export class Captures {
  private readonly byCall = new Map<number, PostMortem>();
  /** Of an import that failed: every call that waited for it fails with these. */
  private ofImport: PostMortem | undefined;

  imported(frames: PostMortem): void {
    this.ofImport = frames;
  }

  /** Those of an earlier attempt are forgotten. */
  add(call: number, frames: PostMortem): void {
    this.byCall.delete(call);
    this.byCall.set(call, frames);
    if (this.byCall.size <= MAX_KEPT) return;
    const oldest = [...this.byCall.keys()][MAX_FIRST];
    if (oldest !== undefined) this.byCall.delete(oldest);
  }

  /** The error of a call as whoever made it gets it: naming the capture that belongs to it, if there is one. */
  named(call: number, { inspectable, ...error }: RunError): RunError {
    if (inspectable !== true) return error;
    const own = this.byCall.get(call) ?? this.ofImport;
    if (own === undefined) return error;
    this.add(call, this.behind(error, own));
    return { ...error, capture: call };
  }

  /**
   * The error that ends the run, and its frames: `own`, of its function or entrypoint, below those of the call
   * that it failed by.
   */
  settled(
    { capture, ...error }: RunError,
    own: PostMortem | undefined,
  ): { error: RunError; frames: PostMortem | undefined } {
    const frames = this.behind({ capture }, error.inspectable === true ? own : undefined);
    this.byCall.clear();
    this.ofImport = undefined;
    const { inspectable: _, ...plain } = error;
    return { error: frames === undefined ? plain : { ...plain, inspectable: true }, frames };
  }

  private behind<T extends PostMortem | undefined>(
    { capture }: Pick<RunError, 'capture'>,
    own: T,
  ): T | PostMortem {
    const deeper = capture === undefined ? undefined : this.byCall.get(capture);
    if (deeper === undefined) return own;
    return own === undefined ? deeper : calledFrom(deeper, own);
  }
}

/** One stack of two processes: the frames of a call, then those of the code that made it. */
export function calledFrom(call: PostMortem, caller: PostMortem): PostMortem {
  const first = call.values.length;
  const moved = caller.exceptions.map((exception, index) => ({
    ...exception,
    relation: index === 0 ? ('caller' as const) : exception.relation,
    value: exception.value + first,
    frames: exception.frames.map((frame) => ({ ...frame, locals: shifted(frame.locals, first) })),
  }));
  const values = caller.values.map((value) =>
    value.children === undefined ? value : { ...value, children: shifted(value.children, first) },
  );
  return {
    exceptions: [...call.exceptions, ...moved],
    values: [...call.values, ...values],
    truncated: call.truncated || caller.truncated,
    ...(call.problem === undefined ? {} : { problem: call.problem }),
  };
}

function shifted(named: readonly [string, number][], by: number): [string, number][] {
  return named.map(([name, value]) => [name, value + by]);
}
