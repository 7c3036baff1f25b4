import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LogLine } from '../../../runtime/protocol/logChunks';
import { entryText, LogBuffer } from '../../../webview/log/buffer';

function line(seq: number, text: string, options: Partial<LogLine> = {}): LogLine {
  return { seq, stream: 'stdout', at: 0, text, partial: false, ...options };
}
const texts = (buffer: LogBuffer): string[] => buffer.entries.map(entryText);

describe('the kept log lines', () => {
  it('joins the pieces of a line, each stream its own', () => {
    const buffer = new LogBuffer();
    buffer.append([line(1, 'load', { partial: true })], 0);
    const delta = buffer.append(
      [
        line(2, 'warning', { stream: 'stderr' }),
        line(3, 'ing…', { partial: true }),
        line(4, ' done'),
        line(5, 'next'),
      ],
      0,
    );
    assert.deepEqual(texts(buffer), ['loading… done', 'warning', 'next']);
    assert.deepEqual([...delta.changed].map(entryText), ['loading… done']);
    assert.deepEqual(delta.added.map(entryText), ['warning', 'next']);
  });

  it('shows a progress bar that comes in pieces as one line', () => {
    const buffer = new LogBuffer();
    for (let percent = 0; percent < 100; percent += 1) {
      buffer.append([line(percent + 1, `${percent}%\r`, { partial: true })], 0);
    }
    buffer.append([line(101, '100%')], 0);
    assert.deepEqual(texts(buffer), ['100%']);
  });

  it('does not grow with a bar that overwrites itself for ever', () => {
    const buffer = new LogBuffer();
    for (let seq = 1; seq <= 5000; seq += 1) {
      buffer.append([line(seq, `step ${String(seq).padStart(6)}\r`, { partial: true })], 0);
    }
    const [entry] = buffer.entries;
    assert.ok(entry?.kind === 'line' && entry.raw.length < 10_000);
    assert.deepEqual(texts(buffer), ['step   5000']);
  });

  it('passes over lines that it has, so that a repeat shows nothing twice', () => {
    const buffer = new LogBuffer();
    buffer.append([line(1, 'a'), line(2, 'b')], 0);
    buffer.append([line(2, 'b'), line(3, 'c')], 0);
    assert.deepEqual(texts(buffer), ['a', 'b', 'c']);
  });

  it('says where lines are missing', () => {
    const buffer = new LogBuffer();
    buffer.append([line(1, 'a'), line(2, 'half', { partial: true })], 0);
    buffer.append([line(1000, 'b')], 0);
    assert.deepEqual(texts(buffer), [
      'a',
      'half',
      '997 lines not shown here: they are in the full log',
      'b',
    ]);
  });

  it('puts a gap of the runtime behind its line, once', () => {
    const buffer = new LogBuffer();
    buffer.append([line(1, 'a'), line(2, 'b'), line(3, 'c')], 0);
    const gap = { afterSeq: 2, lines: 7, reason: 'log limit reached' };
    assert.equal(buffer.setGaps([gap]).rebuilt, true);
    assert.equal(buffer.setGaps([gap]).rebuilt, false);
    assert.deepEqual(texts(buffer), ['a', 'b', '7 lines not shown here: log limit reached', 'c']);
  });

  it('keeps the newest lines and counts the older ones', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 })), (batches) => {
        const buffer = new LogBuffer(20);
        let seq = 0;
        for (const size of batches) {
          const start = seq + 1;
          seq += size;
          buffer.append(
            Array.from({ length: size }, (_, index) => line(start + index, `${start + index}`)),
            0,
          );
        }
        const kept = Math.min(seq, 20);
        assert.equal(buffer.entries.length, kept);
        assert.deepEqual(
          texts(buffer),
          Array.from({ length: kept }, (_, index) => `${seq - kept + 1 + index}`),
        );
        assert.equal(buffer.older, seq - kept);
      }),
    );
  });

  it('counts the lines that the editor no longer had', () => {
    const buffer = new LogBuffer();
    buffer.replace([line(301, 'a')], 300);
    assert.equal(buffer.older, 300);
  });
});
