import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Masker, StreamMasker } from '../../../runtime/scheduling/masking';
import { app, errorOf, Harness, valueOf } from './harness';

const MARK = '••••';

/** What a stream shows of a text that comes in pieces cut at these places. */
function streamed(masker: Masker, text: string, cuts: readonly number[]): string {
  const bytes = Buffer.from(text);
  const stream = new StreamMasker(masker);
  const at = [...cuts.map((cut) => cut % (bytes.byteLength + 1)), bytes.byteLength].sort(
    (a, b) => a - b,
  );
  const shown = at.map((end, index) => stream.push(bytes.subarray(at[index - 1] ?? 0, end)));
  return Buffer.concat([...shown, stream.end()]).toString('utf8');
}

describe('hiding secrets', () => {
  it('replaces a value, each of its lines, and how programs write it', () => {
    const pem = '-----BEGIN KEY-----\n  c2VjcmV0LWtleQ==\n-----END KEY-----';
    const masker = new Masker(['hunter2-hunter2', pem, 'pass/word &1', 'short', '          ']);
    const basic = (user: string): string =>
      Buffer.from(`${user}:hunter2-hunter2`).toString('base64');
    for (const [shown, ...texts] of [
      [`a ${MARK} b`, 'a hunter2-hunter2 b'],
      [`${MARK}\n${MARK}\n${MARK}`, pem],
      [`x${MARK}`, 'xc2VjcmV0LWtleQ=='],
      [`?p=${MARK}`, '?p=pass%2Fword%20%261', '?p=pass/word &1'],
      ['short and          blank', 'short and          blank'],
    ]) {
      for (const text of texts) assert.equal(masker.text(text), shown);
    }
    for (const user of ['u', 'us', 'use', 'user']) {
      const shown = masker.text(basic(user));
      assert.match(shown, /^.{1,8}••••.{0,4}$/, shown);
    }
    assert.deepEqual(masker.value({ a: ['hunter2-hunter2', 1], 'hunter2-hunter2': null }), {
      a: [MARK, 1],
      [MARK]: null,
    });
    assert.ok(new Masker(['short', '']).empty);
  });

  it('shows the same wherever a text is cut, and never a value or the part of one that overlaps', () => {
    // Two letters only: values that repeat and overlap each other and themselves are the rule, not luck.
    const letters = fc.constantFrom('a', 'b', '\n', 'é');
    const secret = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 8, maxLength: 12 });
    const secrets = fc.array(secret, { minLength: 1, maxLength: 3 });
    const cuts = fc.array(fc.nat(200), { maxLength: 12 });
    fc.assert(
      fc.property(secrets, fc.array(fc.oneof(letters, fc.nat(2))), cuts, (values, parts, at) => {
        const text = parts
          .map((part) => (typeof part === 'number' ? (values[part] ?? '') : part))
          .join('');
        const masker = new Masker(values);
        const shown = streamed(masker, text, at);
        assert.equal(shown, masker.text(text));
        for (const value of values) assert.equal(shown.includes(value), false);
        const uncovered = [...text].filter((_, index) =>
          values.every((value) => {
            const from = Math.max(0, index - value.length + 1);
            const found = text.indexOf(value, from);
            return found === -1 || found > index;
          }),
        );
        assert.equal(shown.replaceAll(MARK, ''), uncovered.join(''));
      }),
      { numRuns: 2000 },
    );
  });

  it('holds nothing back that can’t become a secret', () => {
    const stream = new StreamMasker(new Masker(['hunter2-hunter2']));
    const push = (text: string): string => stream.push(Buffer.from(text)).toString();
    assert.equal(push('10% hunt'), '10% ');
    assert.equal(push('ing\n'), 'hunting\n');
    assert.equal(push('hunter2-'), '');
    assert.equal(push('\n'), 'hunter2-\n');
    assert.equal(push('hunter2-hunter'), '');
    assert.equal(push('2 and on'), `${MARK} and on`);
  });
});

describe('a run with secrets', function () {
  this.timeout(90_000);
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.open();
    harness.store.secrets.set('hf', {
      TOKEN: 'named-secret-value',
      LINES: 'first-line-x\nsecond-line-y',
    });
  });
  afterEach(() => harness.close());

  const CODE = app(`import os, sys, time
class Own(Exception):
    pass
carried = velar.Secret.from_dict({"CARRIED": "carried-by-the-code"})
@app.function(secrets=[velar.Secret.from_name("hf"), carried])
def tell(fail):
    value = os.environ["TOKEN"]
    print("all", value, os.environ["LINES"], os.environ["CARRIED"])
    for part in (value[:5], value[5:11], value[11:] + " end"):
        sys.stderr.write(part)
        sys.stderr.flush()
        time.sleep(0.15)
    if fail:
        raise Own("failed with " + value)
    return {"value": value, "items": [os.environ["CARRIED"], 5]}
@app.function()
def outer():
    return len(tell.remote(False)["value"])
@app.function(secrets=[carried], retries=1)
def items():
    yield os.environ["CARRIED"]`);

  /** Everything that the run told, printed and left on the disk. */
  async function traces(qualname: string, ...args: boolean[]) {
    const run = await harness.run(await harness.bundle(CODE), { qualname }, args);
    await run.ended;
    const lines = (await run.lines()).map(({ text }) => text);
    await new Promise((resolve) => setImmediate(resolve));
    harness.store.database.flush();
    const kept = [harness.store.runs.events(run.id), harness.store.runs.summary(run.id)];
    const all = JSON.stringify([run.events, lines, kept, harness.service.list(10)]);
    for (const secret of ['named-secret-value', 'first-line-x', 'second-line-y', 'carried-by-']) {
      assert.equal(all.includes(secret), false, `${qualname} shows ${secret}: ${all}`);
    }
    return { run, lines };
  }

  it('shows none of them in output, result, items, errors and what is kept', async () => {
    const { run, lines } = await traces('tell', false);
    assert.deepEqual(valueOf(run), { value: MARK, items: [MARK, 5] });
    assert.ok(lines.includes(`all ${MARK} ${MARK}`), lines.join('\n'));
    assert.ok(lines.join('').includes(`${MARK} end`), lines.join('\n'));
    const failed = errorOf((await traces('tell', true)).run);
    assert.equal(failed.message, `failed with ${MARK}`);
    assert.match(failed.text ?? '', /Own: failed with ••••/);
    await traces('items');
  });

  it('hides those of the functions that it calls, whose results stay whole in code', async () => {
    const { run, lines } = await traces('outer');
    assert.equal(valueOf(run), 'named-secret-value'.length);
    assert.ok(lines.some((line) => line.startsWith(`all ${MARK}`)));
  });
});
