/** The Try view as a person meets it: the built page in a real browser, under the editor's policy. */
import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import type {
  ComparedSide,
  TryComparison,
  TryField,
  TryState,
} from '../../runtime/protocol/tryState';
import {
  compareRows,
  differsText,
  inputTexts,
  progressText,
  verdict,
} from '../../runtime/protocol/compareTexts';
import { withBrowser } from './support/browser';
import type { PanelPage } from './support/panelPage';
import { containers, cpuRun, gpuRun, lines, snapshot } from './support/runs';

const field = (name: string, change: Partial<TryField> = {}): TryField => ({
  part: 'call',
  name,
  signature: `${name}: str`,
  hint: 'Required: text',
  required: true,
  choices: [],
  text: '',
  problem: null,
  ...change,
});

const tryState = (change: Partial<TryState> = {}): TryState => ({
  target: { app: 'shop', environment: 'staging', qualname: 'quote' },
  deployments: [
    { app: 'shop', environment: 'staging', version: 2, functions: ['quote', 'wait'] },
    { app: 'shop', environment: 'production', version: 1, functions: ['quote'] },
  ],
  version: 'version 2 · 1234abcd',
  fields: [field('item')],
  revision: 1,
  refused: 0,
  saved: [],
  busy: 'no',
  problem: null,
  notComparable: null,
  shown: 'response',
  comparison: null,
  ...change,
});

const side = (
  environment: ComparedSide['environment'],
  change: Partial<ComparedSide> = {},
): ComparedSide => ({
  environment,
  version: environment === 'staging' ? 2 : 1,
  done: 5,
  failed: 0,
  coldMs: [],
  p50Ms: 56,
  p95Ms: 75,
  timed: 5,
  coldOnly: false,
  memory: { device: 'L4 0', bytes: 2_210_000_000 },
  usdPerCall: 0.00042,
  costNote: 'L4 at $0.80 an hour',
  steady: true,
  ...change,
});

const comparison = (change: Partial<TryComparison> = {}): TryComparison => ({
  of: 'quote(item=lamp)',
  status: 'done',
  calls: 5,
  tolerance: 1e-6,
  staging: side('staging'),
  production: side('production', { coldMs: [1030], timed: 4 }),
  pairs: 5,
  differing: 5,
  difference: {
    kind: 'json',
    total: 2,
    entries: [
      { path: 'total', kind: 'changed', staging: '36', production: '30' },
      { path: 'tone', kind: 'only-staging', staging: '"kind"', production: null },
    ],
  },
  differsFirst: 0,
  inputs: [{ label: 'item=lamp', pairs: 5, differing: 5 }],
  notes: [],
  problem: null,
  ...change,
});

describe('figures of a comparison', () => {
  const cellsOf = (change: Partial<ComparedSide>): Record<string, string> =>
    Object.fromEntries(
      compareRows({ staging: side('staging', change), production: side('production') }).map(
        ([name, { figure, note }]) => [name, `${figure} ${note}`.trim()],
      ),
    );

  it('say what cold calls do to them', () => {
    const some = cellsOf({ coldMs: [1030, 900], timed: 3 });
    assert.equal(some['Latency p50'], '56 ms of 3 calls, 2 cold left out');
    assert.equal(some['Cold calls'], '2 the longest took 1.03 s');
    const only = cellsOf({ coldMs: [1030], timed: 1, coldOnly: true, done: 1 });
    assert.equal(only['Latency p95'], '75 ms of 1 cold call');
    assert.equal(only['Cold calls'], '1 took 1.03 s, every call');
  });

  it('are unknown where nothing was measured', () => {
    const none = cellsOf({ p50Ms: null, memory: null, usdPerCall: null, done: 0, failed: 5 });
    assert.equal(none['Latency p50'], 'unknown');
    assert.equal(none['Memory peak'], 'unknown over before a sample was taken');
    assert.equal(none['Cost per call'], 'unknown');
    assert.equal(none['Calls'], '0 returned 5 failed');
  });

  it('come with a finding in words', () => {
    assert.equal(verdict(comparison()), 'Results differ in 5 of 5 pairs of calls.');
    const equal = { differing: 0, difference: { kind: 'equal' as const, largest: 3e-8 } };
    assert.equal(
      verdict(comparison(equal)),
      'Results are equal in all 5 pairs of calls, within 1e-6: numbers are at most 3.0e-8 apart, relative.',
    );
    assert.equal(verdict(comparison({ pairs: 0, differing: 0 })), 'Nothing to compare yet.');
    assert.deepEqual(inputTexts(comparison()), []);
    const several = comparison({
      differsFirst: 1,
      inputs: [
        { label: 'item=lamp', pairs: 5, differing: 0 },
        { label: 'item=desk', pairs: 1, differing: 1 },
        { label: 'item=bed', pairs: 0, differing: 0 },
      ],
    });
    assert.deepEqual(
      inputTexts(several).map(({ text }) => text),
      ['equal in 5 pairs', 'differs in 1 of 1 pair', 'not called yet'],
    );
    assert.equal(differsText(several), 'The first that differs: item=desk');
    const stopped = comparison({ status: 'cancelled', staging: side('staging', { done: 2 }) });
    assert.equal(progressText(stopped), 'Cancelled after 7 of 10 calls of quote(item=lamp).');
  });
});

describe('the Try view in a browser', function () {
  this.timeout(180_000);
  const openPage = withBrowser();
  let panel: PanelPage;

  const part = (testId: string): Locator => panel.page.getByTestId(testId);
  /** The toolkit's fields hand the mark to their own input in the frame after. */
  const markedWrong = async (input: Locator): Promise<void> => {
    await input.and(panel.page.locator('[aria-invalid="true"]')).waitFor();
  };
  const lastPosted = async (): Promise<unknown> => (await panel.posted()).at(-1);
  const open = async (state: TryState, width?: number): Promise<void> => {
    panel = await openPage(width === undefined ? {} : { width });
    await panel.send(snapshot(gpuRun(), { containers }), { type: 'try', state });
  };

  it('takes the place of the runs and gives it back', async () => {
    await open(tryState());
    assert.equal(await part('phase-running').count(), 0);
    await panel.page.getByRole('button', { name: 'Runs' }).click();
    assert.deepEqual(await lastPosted(), { type: 'tryClose' });
    await panel.send({ type: 'try', state: null });
    assert.equal(await part('try-form').count(), 0);
    await part('phase-running').waitFor();
  });

  it('is filled in, sent and corrected by keyboard alone', async () => {
    await open(tryState({ fields: [field('item'), field('times', { required: false })] }));
    const item = panel.page.getByRole('textbox', { name: 'item: str *' });
    await item.focus();
    await panel.page.keyboard.type('é');
    assert.deepEqual(await lastPosted(), {
      type: 'tryEdit',
      part: 'call',
      name: 'item',
      text: 'é',
    });
    await panel.page.keyboard.press('Enter');
    assert.deepEqual(await lastPosted(), { type: 'tryCall' });
    const wrong = field('times', { required: false, problem: 'Expected int' });
    await panel.send({
      type: 'try',
      state: tryState({ fields: [field('item'), wrong], refused: 1 }),
    });
    await panel.page.getByRole('alert').filter({ hasText: 'Expected int' }).waitFor();
    const times = panel.page.getByRole('textbox', { name: 'times: str', exact: true });
    await markedWrong(times);
    assert.ok(await times.evaluate((input) => input.matches(':focus')));
    assert.equal(await item.inputValue(), 'é', 'what was typed went away');
  });

  it('shows a response, what it was of, its log, and the containers of that deployment alone', async () => {
    await open(tryState());
    const own = { ...containers[0], container: 'c-own', app: 'shop', environment: 'staging' };
    await panel.send(
      { type: 'containers', containers: [...containers, own as (typeof containers)[number]] },
      { type: 'tryLog', run: 'run-call', lines: lines(['quoting']), dropped: 0, whole: true },
      {
        type: 'tryCalled',
        record: cpuRun('quote', { value: { total: 36 } }, 'run-call'),
        of: 'quote(item=lamp) in staging, version 2',
      },
    );
    assert.match(await part('try-response').innerText(), /total: 36/);
    assert.match(await part('log').innerText(), /quoting/);
    const latency = await part('try-latency').innerText();
    assert.match(latency, /1\.21 s[^]*quote\(item=lamp\) in staging, version 2/);
    assert.match(latency, /Queue\s+4 ms[^]*Cold start\s+0 ms\s+none: warm container/);
    assert.match(latency, /Execution\s+1\.20 s\s+on CPU[^]*Memory peak\s+180 MB\s+host memory/);
    assert.equal(await part('container').count(), 1);
    assert.match(await part('container').innerText(), /shop/);
    await panel.page.getByText('quote succeeded after 1.21 s').waitFor({ state: 'attached' });
  });

  it('lays two environments side by side, says so aloud, and takes another tolerance', async () => {
    await open(tryState({ shown: 'comparison', comparison: comparison() }));
    assert.match(await part('compare-table').innerText(), /Latency p50\s+56 ms of 5 calls/);
    assert.match(await part('compare-diff').innerText(), /tone\s+"kind"\s+not there/);
    const aloud = panel.page.getByRole('status').filter({ hasText: 'Results differ in 5 of 5' });
    await aloud.waitFor({ state: 'attached' });
    const tolerance = panel.page.getByRole('textbox', { name: 'Tolerance' });
    assert.equal(await tolerance.inputValue(), '1e-6');
    await tolerance.fill('0.01');
    assert.deepEqual(await lastPosted(), { type: 'tryTolerance', tolerance: 0.01 });
    await tolerance.fill('-1');
    await markedWrong(tolerance);
    assert.deepEqual(await lastPosted(), { type: 'tryTolerance', tolerance: 0.01 });
    await part('try-compare').click();
    assert.deepEqual(await lastPosted(), { type: 'tryCompare', calls: 5, inputs: 1 });
  });

  it('says why there is nothing to compare, and that something is wrong', async () => {
    const problem = { message: 'In staging, shop no longer serves quote.', hint: 'Deploy it.' };
    await open(tryState({ notComparable: 'No comparison: in production …', problem }));
    await part('try-form').getByText('No comparison: in production …').waitFor();
    await panel.page.getByRole('alert').filter({ hasText: 'no longer serves' }).waitFor();
    assert.ok(await part('try-compare').evaluate((element) => element.hasAttribute('disabled')));
  });

  it('fits narrow panels', async () => {
    for (const width of [1000, 700, 360]) {
      await open(tryState({ shown: 'comparison', comparison: comparison() }), width);
      const wide = await panel.page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${wide} px in ${width} px`);
      if (width > 360) await panel.page.context().close();
    }
  });
});
