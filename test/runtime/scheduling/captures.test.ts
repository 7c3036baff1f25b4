import assert from 'node:assert/strict';
import type { PostMortem } from '../../../runtime/protocol/postMortem';
import type { RunError } from '../../../runtime/protocol/values';
import { Captures } from '../../../runtime/scheduling/captures';

const raised: RunError = {
  kind: 'user',
  type: 'KeyError',
  message: 'k',
  traceback: [],
  inspectable: true,
};

/** One error in one frame, with a variable that has a child. */
function frames(name: string): PostMortem {
  const frame = { file: 'a.py', line: 1, function: name, text: '', moreLocals: 0 };
  return {
    exceptions: [
      {
        type: 'KeyError',
        message: name,
        relation: 'raised',
        value: 0,
        leftOut: 0,
        frames: [{ ...frame, locals: [['box', 1]] }],
      },
    ],
    values: [
      { type: 'KeyError', text: '' },
      { type: 'list', text: '1 item', children: [['[0]', 2]] },
      { type: 'str', text: name },
    ],
    truncated: false,
  };
}

/** The functions of the frames, and the text inside their variable. */
function told(kept: PostMortem | undefined): [string, string | undefined][] {
  return (kept?.exceptions ?? []).flatMap((exception) =>
    exception.frames.map(({ function: name, locals: [box] }): [string, string | undefined] => {
      const child = kept?.values[box?.[1] ?? -1]?.children?.[0]?.[1];
      return [name, kept?.values[child ?? -1]?.text];
    }),
  );
}

describe('captures of failed calls', () => {
  it('are put above those of the code that made the call, each variable keeping its value', () => {
    const captures = new Captures();
    captures.add(9, frames('inner'));
    const inner = captures.named(9, raised);
    assert.deepEqual([inner.capture, inner.inspectable], [9, undefined]);
    captures.add(5, frames('outer'));
    const outer = captures.named(5, { ...raised, capture: 9 });
    const { error, frames: kept } = captures.settled({ ...raised, capture: 5 }, frames('main'));
    assert.equal(outer.capture, 5);
    assert.deepEqual([error.inspectable, error.capture], [true, undefined]);
    assert.deepEqual(told(kept), [
      ['inner', 'inner'],
      ['outer', 'outer'],
      ['main', 'main'],
    ]);
    assert.deepEqual(
      kept?.exceptions.map(({ relation }) => relation),
      ['raised', 'caller', 'caller'],
    );
  });

  it('of the first failures and of the newest are kept', () => {
    const captures = new Captures();
    for (let call = 0; call < 100; call += 1) captures.add(call, frames(String(call)));
    const kept = Array.from({ length: 100 }, (_, call) => call).filter(
      (call) => captures.named(call, raised).capture === call,
    );
    assert.deepEqual(kept, [0, 1, 2, 3, 4, 5, 6, 7, 92, 93, 94, 95, 96, 97, 98, 99]);
  });

  it('of an import belong to each call that waited for it', () => {
    const captures = new Captures();
    captures.imported(frames('<module>'));
    assert.equal(captures.named(3, raised).capture, 3);
    assert.deepEqual(told(captures.settled({ ...raised, capture: 3 }, undefined).frames), [
      ['<module>', '<module>'],
    ]);
  });

  it('are not there for an error without them, whatever else was captured', () => {
    const captures = new Captures();
    captures.add(1, frames('other'));
    const { inspectable: _, ...plain } = raised;
    assert.equal(captures.named(2, plain).capture, undefined);
    assert.equal(captures.named(2, raised).capture, undefined);
    const { error, frames: kept } = captures.settled(plain, frames('of an earlier attempt'));
    assert.deepEqual([error.inspectable, kept], [undefined, undefined]);
  });
});
