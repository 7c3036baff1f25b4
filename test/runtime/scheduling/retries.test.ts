/** Inputs of a batch that are tried again: real Python, each attempt noted by the function itself. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { app, Harness, valueOf } from './harness';

const INPUTS = 24;

interface Attempt {
  input: number;
  /** s since the epoch. */
  began: number;
  ended: number;
}

describe('retries of a batch', function () {
  this.timeout(60_000);
  let harness: Harness;
  before(async () => {
    harness = await Harness.open();
  });
  after(() => harness.close());

  it('come after a growing wait; results are in order, once each; every attempt is paid, no wait is', async () => {
    const noted = join(harness.home, 'attempts');
    const bundle = await harness.bundle(
      app(
        [
          'import os, time',
          'tries = {}',
          '@app.function(max_containers=1, retries=2)',
          'def work(x):',
          '    began = time.time()',
          '    time.sleep(0.02)',
          `    with open(${JSON.stringify(noted)}, "a") as file:`,
          '        file.write("%d %f %f\\n" % (x, began, time.time()))',
          '    tries[x] = tries.get(x, 0) + 1',
          '    if x == 13 or (x % 5 == 2 and tries[x] < 3):',
          '        raise ValueError("try %d" % tries[x])',
          '    return [x, tries[x]]',
          '@app.function()',
          'def f(n):',
          '    results = work.map(range(n), return_exceptions=True)',
          '    return [one.args[0].split("\\n")[0] if isinstance(one, Exception) else one for one in results]',
        ].join('\n'),
      ),
    );
    const run = await harness.run(bundle, { qualname: 'f' }, [INPUTS]);
    await run.ended;
    const tries = (x: number): number => (x === 13 || x % 5 === 2 ? 3 : 1);
    const expected = Array.from({ length: INPUTS }, (_, x) => (x === 13 ? 'try 3' : [x, tries(x)]));
    assert.deepEqual(valueOf(run), expected);

    const attempts = (await readFile(noted, 'utf8'))
      .trim()
      .split('\n')
      .map((line): Attempt => {
        const [input = 0, began = 0, ended = 0] = line.split(' ').map(Number);
        return { input, began, ended };
      });
    for (let x = 0; x < INPUTS; x += 1) {
      const own = attempts.filter(({ input }) => input === x);
      assert.equal(own.length, tries(x), `attempts of ${x}`);
      const waits = own.slice(1).map(({ began }, at) => began - (own[at]?.ended ?? 0));
      // The first wait is 250 ms, the second twice that.
      for (const [at, wait] of waits.entries())
        assert.ok(wait > 0.24 * 2 ** at, `${x}: ${waits.join()}`);
    }

    const counts = run.events.findLast((event) => event.type === 'batch');
    assert.deepEqual(
      [counts?.done, counts?.failed, counts?.total, counts?.kept],
      [INPUTS - 1, 1, INPUTS, 1],
    );
    const failed = run.events.filter((event) => event.type === 'input-failed');
    assert.deepEqual(
      failed.map(({ index, message }) => [index, message]),
      [[13, 'try 3']],
    );
    const worked = attempts.reduce((sum, { began, ended }) => sum + ended - began, 0) * 1000;
    const paid = harness.service.costs
      .report(1)
      .rows.filter((row) => row.function === 'work' && row.kind === 'running')
      .reduce((sum, { ms }) => sum + ms, 0);
    // Six inputs wait for 750 ms each between their attempts.
    const said = `${paid} ms paid of ${worked} ms worked in ${attempts.length} attempts`;
    assert.ok(paid >= worked && paid < worked + 2_500, said);
  });
});
