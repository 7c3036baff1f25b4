import * as assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RunEvent } from '../../runtime/protocol/events';
import { encodeLogChunk, makeLogChunk } from '../../runtime/protocol/logChunks';
import { RunFollower, withoutLines } from '../../src/client/runFollower';

function follower(): { followed: RunFollower; lines: string[]; events: RunEvent[] } {
  const followed = new RunFollower('run-0123456789', 'app.py', 'f', 0);
  const lines: string[] = [];
  const events: RunEvent[] = [];
  followed.onLog((batch) => lines.push(...batch.map(({ seq, text }) => `${String(seq)} ${text}`)));
  followed.onEvents((batch) => events.push(...batch));
  return { followed, lines, events };
}

function payload(firstSeq: number, text: string): Buffer {
  return encodeLogChunk(makeLogChunk('stdout', firstSeq, 1, Buffer.from(text)));
}

describe('a followed run', () => {
  it('shows each line once when output is sent again after a lost session', () => {
    const { followed, lines } = follower();
    void followed.applyOutput(payload(1, 'one\ntwo\n'));
    void followed.applyOutput(payload(1, 'one\ntwo\nthree\n'));
    void followed.applyOutput(payload(4, 'four\n'));
    assert.deepEqual(lines, ['1 one', '2 two', '3 three', '4 four']);
    assert.equal(followed.line, 4);
  });

  it('shows each event once when they are sent again, and takes in those that were missed', () => {
    const { followed, events } = follower();
    const queued: RunEvent = { type: 'phase', at: 1, phase: 'queued', status: 'done', ms: 3 };
    const sample: RunEvent = {
      type: 'memory',
      at: 2,
      device: 'host',
      usedBytes: 5,
      totalBytes: null,
      source: 'rss',
    };
    const ended: RunEvent = { type: 'ended', at: 9, status: 'succeeded', ms: 8, lines: 0 };
    followed.applyEvents([queued, sample]);
    followed.applyEvents([queued, sample, ended]);
    assert.deepEqual(events, [queued, sample, ended]);
    assert.equal(followed.record.status, 'succeeded');
    assert.equal(followed.record.memory.length, 1);
  });

  it('asks to wait while a listener of its output does', async () => {
    const { followed } = follower();
    let release = (): void => undefined;
    followed.onOutput(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    const pause = followed.applyOutput(payload(1, 'x\n'));
    assert.ok(pause instanceof Promise);
    release();
    await pause;
  });

  it('cuts any number of lines off any chunk, never a part of one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{0,5}$/), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 30 }),
        (texts, partial, line) => {
          const text = texts.join('\n') + (partial ? 'x' : '\n');
          const chunk = makeLogChunk('stderr', 5, 1, Buffer.from(text));
          const rest = withoutLines(chunk, line);
          const expected = Math.min(chunk.lines, Math.max(0, 5 + chunk.lines - 1 - line));
          assert.equal(rest?.lines ?? 0, expected);
          if (rest === undefined) return;
          assert.equal(rest.firstSeq + rest.lines, chunk.firstSeq + chunk.lines);
          const again = makeLogChunk('stderr', rest.firstSeq, 1, rest.bytes);
          assert.deepEqual([again.lines, again.partial], [rest.lines, rest.partial]);
        },
      ),
    );
  });
});
