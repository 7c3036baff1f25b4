import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  mkdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { MAX_DATA_BYTES } from '../../../runtime/protocol/flow';
import { chunkLines, encodeLogChunk, type LogChunk } from '../../../runtime/protocol/logChunks';
import { RunJournal, type LogCursor } from '../../../runtime/store/runJournal';

/** All that a cursor has now, in chunks. */
async function drain(cursor: LogCursor, maxBytes = MAX_DATA_BYTES): Promise<LogChunk[]> {
  const chunks: LogChunk[] = [];
  for (;;) {
    const next = await cursor.next(maxBytes);
    if (next === undefined) return chunks;
    assert.ok(encodeLogChunk(next).byteLength <= MAX_DATA_BYTES, 'a chunk too large for a frame');
    chunks.push(next);
  }
}

/** All lines behind `afterSeq`, read by a cursor of their own. */
async function read(journal: RunJournal, afterSeq = 0): Promise<LogChunk[]> {
  const cursor = journal.cursor(afterSeq);
  try {
    return await drain(cursor);
  } finally {
    cursor.close();
  }
}

function lines(chunks: LogChunk[]): [number, string][] {
  return chunks.flatMap(chunkLines).map(({ seq, text }) => [seq, text]);
}

function bytesOf(chunks: LogChunk[]): Buffer {
  return Buffer.concat(chunks.map(({ bytes }) => bytes));
}

describe('run journal', () => {
  let folder: string;
  let open: RunJournal[] = [];
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'velar-journal-')), 'run');
  });
  afterEach(async () => {
    for (const journal of open) await journal.close();
    open = [];
    rmSync(join(folder, '..'), { recursive: true, force: true });
  });

  const journal = (limits = {}): RunJournal => {
    const made = RunJournal.open(folder, limits);
    open.push(made);
    return made;
  };

  it('makes no file for a run that prints nothing', async () => {
    const quiet = journal();
    await quiet.close();
    assert.equal(existsSync(folder), false);
    assert.deepEqual(await read(quiet), []);
  });

  it('gives every byte once and numbers lines without a hole, whatever is printed and whenever it is read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.constantFrom('stdout', 'stderr'),
            fc.array(fc.constantFrom('a', 'bc', '\n', '\n\n', 'é'), {
              minLength: 1,
              maxLength: 40,
            }),
            fc.boolean(),
          ),
          { maxLength: 60 },
        ),
        fc.nat(50),
        async (prints, skip) => {
          rmSync(folder, { recursive: true, force: true });
          const made = RunJournal.open(folder, { tailBytes: 256 });
          const early = made.cursor(0);
          const seen: LogChunk[] = [];
          const printed = { stdout: '', stderr: '' };
          for (const [index, [stream, parts, read]] of prints.entries()) {
            const name = stream;
            printed[name] += parts.join('');
            made.append(name, Buffer.from(parts.join('')), index * 20);
            if (read) seen.push(...(await drain(early)));
          }
          seen.push(...(await drain(early)));
          for (const name of ['stdout', 'stderr'] as const) {
            const mine = seen.filter(({ stream }) => stream === name);
            assert.equal(bytesOf(mine).toString(), printed[name]);
          }
          const numbers = lines(seen).map(([seq]) => seq);
          assert.deepEqual(
            numbers,
            Array.from({ length: made.lines }, (_, line) => line + 1),
          );
          assert.equal(early.position, made.lines);
          await made.close();
          // From the file, from a line on, and after a restart: the same lines.
          const late = await read(made, skip);
          assert.deepEqual(
            lines(late),
            lines(seen).filter(([seq]) => seq > skip),
          );
          const again = RunJournal.open(folder);
          assert.equal(again.lines, made.lines);
          assert.deepEqual(lines(await read(again, skip)), lines(late));
          early.close();
        },
      ),
      { numRuns: 60, seed: 4 },
    );
  });

  it('serves a reader far behind from the file while the writer goes on', async () => {
    const made = journal({ tailBytes: 64 * 1024 });
    const slow = made.cursor(0);
    const text = (line: number): string => `${String(line)} ${'x'.repeat(500)}\n`;
    for (let line = 1; line <= 20_000; line += 1) {
      made.append('stdout', Buffer.from(text(line)), line);
      if (line % 1000 === 0) await made.flushed();
    }
    const found = await drain(slow);
    assert.equal(found.flatMap(chunkLines).length, 20_000);
    assert.deepEqual(lines(await read(made, 12_345)).at(0)?.[0], 12_346);
    made.append('stdout', Buffer.from('last\n'), 1);
    const next = slow.next(1000);
    assert.ok(!(next instanceof Promise), 'a reader that caught up is served from memory');
    assert.equal((next as LogChunk).firstSeq, 20_001);
    slow.close();
  });

  it('tells a reader once when there is more', async () => {
    const made = journal();
    const cursor = made.cursor(0);
    let calls = 0;
    const forget = cursor.onReadable(() => {
      calls += 1;
    });
    made.append('stdout', Buffer.from('a\n'), 1);
    made.append('stdout', Buffer.from('b\n'), 1);
    assert.equal(calls, 1);
    assert.deepEqual(lines(await drain(cursor)), [
      [1, 'a'],
      [2, 'b'],
    ]);
    assert.equal(cursor.next(1000), undefined);
    made.append('stdout', Buffer.from('c\n'), 1);
    assert.equal(calls, 2);
    forget();
    cursor.close();
    assert.equal(cursor.next(1000), undefined);
  });

  it('joins neighbours of one stream only, never behind an unfinished line or far apart in time', () => {
    const made = journal();
    const cursor = made.cursor(0);
    made.append('stdout', Buffer.from('a\n'), 0);
    made.append('stdout', Buffer.from('b\n'), 5);
    made.append('stdout', Buffer.from('c\n'), 500);
    made.append('stderr', Buffer.from('d'), 500);
    made.append('stderr', Buffer.from('e\n'), 500);
    const texts: string[] = [];
    for (let next = cursor.next(10_000); next !== undefined; next = cursor.next(10_000)) {
      texts.push(bytesOf([next as LogChunk]).toString());
    }
    assert.deepEqual(texts, ['a\nb\n', 'c\n', 'd', 'e\n']);
  });

  it('cuts what is larger than a frame behind a line, or where it must', async () => {
    const made = journal();
    const big = Buffer.from(`${'line\n'.repeat(20_000)}${'y'.repeat(200_000)}\nend\n`);
    made.append('stdout', big, 1);
    const chunks = await read(made);
    assert.ok(bytesOf(chunks).equals(big));
    assert.ok(chunks.length > 3);
    assert.equal(chunks[0]?.partial, false);
  });

  it('keeps the first lines up to its cap and counts the rest', async () => {
    const made = journal({ capBytes: 1000 });
    for (let line = 0; line < 100; line += 1)
      made.append('stdout', Buffer.from('0123456789\n'), line);
    assert.ok(made.lines > 10 && made.lines < 100);
    assert.deepEqual(made.dropped && { ...made.dropped, reason: '' }, {
      lines: 100 - made.lines,
      afterSeq: made.lines,
      reason: '',
    });
    assert.equal((await read(made)).flatMap(chunkLines).length, made.lines);
  });

  it('drops a record that a crash cut off, and goes on behind the last whole one', async () => {
    const made = journal();
    made.append('stdout', Buffer.from('one\ntwo\n'), 1);
    await made.close();
    const whole = statSync(made.file).size;
    appendFileSync(made.file, readFileSync(made.file).subarray(0, whole - 3));
    const again = journal();
    assert.equal(again.lines, 2);
    again.append('stderr', Buffer.from('three\n'), 2);
    await again.flushed();
    assert.deepEqual(lines(await read(journal())), [
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
    ]);
  });

  it('goes on without the disk when the disk is full, and says how much is missing', async function () {
    if (!existsSync('/dev/full')) this.skip();
    mkdirSync(folder, { recursive: true });
    symlinkSync('/dev/full', join(folder, 'log'));
    const made = journal();
    const cursor = made.cursor(0);
    made.append('stdout', Buffer.from('kept in memory\n'), 1);
    await made.flushed();
    assert.ok(made.failure !== undefined);
    made.append('stdout', Buffer.from('lost\n'), 1);
    assert.equal(made.dropped?.lines, 1);
    assert.deepEqual(lines(await drain(cursor)), [[1, 'kept in memory']]);
  });
});
