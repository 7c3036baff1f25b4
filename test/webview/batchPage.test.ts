/** A batch in the panel's page, as a person meets it. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Locator } from 'playwright-core';
import type { RunEvent } from '../../runtime/protocol/events';
import { applyRunEvent, type RunRecord } from '../../runtime/protocol/runRecord';
import { withBrowser } from './support/browser';
import type { PanelPage } from './support/panelPage';
import { batchRun, gpuRun, snapshot, typicalLog } from './support/runs';

/** A batch with three failures, of which so many are listed. */
function withFailures(listed: number): RunRecord {
  const record = batchRun({ done: 120, failed: 3 });
  const failedInputs = Array.from({ length: listed }, (_, number) => ({
    type: 'input-failed' as const,
    at: 1,
    map: 1,
    function: 'square',
    index: 7 + number,
    input: `(${String(7 + number)})`,
    kind: 'user' as const,
    error: 'ValueError',
    message: '<b>no</b>',
  }));
  return { ...record, failedInputs };
}

/** The same once it is over; so many of its failed inputs can be run again. */
function ended(record: RunRecord, kept: number): RunRecord {
  const { batch, startedAt } = record;
  assert.ok(batch);
  const at = startedAt + 14_000;
  const over: RunEvent = { type: 'ended', at, status: 'succeeded', ms: 14_000, lines: 0 };
  return [{ ...batch, at, done: 197, leftMs: 0, kept }, over].reduce(applyRunEvent, record);
}

describe('a batch in the panel', function () {
  this.timeout(180_000);
  const openPage = withBrowser();
  let panel: PanelPage;

  const part = (testId: string): Locator => panel.page.getByTestId(testId);

  it('says how far it is, in a bar and in words', async () => {
    panel = await openPage();
    await panel.send(snapshot(batchRun({ done: 120, failed: 3 })));
    const bar = panel.page.getByRole('progressbar', { name: 'Inputs of the batch' });
    const text = '120 of 200 inputs · 3 failed · 41.2/s · about 2 s left · $0.0031 so far';
    assert.equal(await part('batch').innerText(), text);
    assert.equal(await bar.getAttribute('aria-valuetext'), text);
    assert.equal(await bar.getAttribute('aria-valuemax'), '200');
    assert.equal(await bar.getAttribute('aria-valuenow'), '123');
    const width = (await bar.boundingBox())?.width ?? 0;
    const done = (await bar.locator('.done').boundingBox())?.width ?? 0;
    assert.ok(Math.abs(done / width - 0.6) < 0.03, `${String(done)} of ${String(width)}`);

    const reading = batchRun({ done: 120, failed: 3, complete: false, leftMs: null });
    await panel.send({ type: 'record', record: reading });
    assert.match(await part('batch').innerText(), /^120 of 200 inputs so far .*time left unknown/);
    assert.equal(await bar.getAttribute('aria-valuenow'), null);

    await panel.send(snapshot(gpuRun()));
    assert.equal(await bar.count(), 0);
  });

  it('lists the inputs that failed, from the keyboard', async () => {
    panel = await openPage();
    await panel.send(snapshot(withFailures(2)));
    const title = part('failed-inputs-title');
    assert.equal(await title.innerText(), '3 of 200 inputs failed; the first 2 are listed');
    assert.equal(await part('failed-inputs').isVisible(), false);
    await title.focus();
    await panel.page.keyboard.press('Enter');
    const rows = part('failed-inputs').locator('li');
    assert.equal(await rows.count(), 2);
    assert.match(await rows.nth(1).innerText(), /square #8 \(8\)\s+ValueError: <b>no<\/b>/);
    await panel.page.keyboard.press('Tab');
    assert.equal(
      await part('failed-inputs').evaluate((list) => list === document.activeElement),
      true,
    );
    await panel.send({ type: 'record', record: withFailures(3) });
    assert.equal(await rows.count(), 3);
    assert.equal(await part('failed-inputs').isVisible(), true, 'it stays open');
    await panel.send(snapshot(gpuRun()));
    assert.equal(await title.isVisible(), false);
  });

  it('runs the inputs that failed again, from the keyboard, once the run has ended', async () => {
    panel = await openPage();
    await panel.send(snapshot(ended(withFailures(3), 2)));
    const button = panel.page.getByRole('button', { name: 'Run 2 failed inputs again' });
    await button.waitFor();
    await panel.page.getByText('1 failed input not kept to be run again').waitFor();
    await part('failed-inputs-title').focus();
    await panel.page.keyboard.press('Shift+Tab');
    await panel.page.keyboard.press('Enter');
    await panel.page.waitForFunction(() =>
      (window as unknown as { posted: { type: string }[] }).posted.some(
        ({ type }) => type === 'rerunFailed',
      ),
    );
    assert.deepEqual((await panel.posted()).at(-1), {
      type: 'rerunFailed',
      run: withFailures(3).run,
    });

    await panel.send({ type: 'record', record: withFailures(3) });
    await button.waitFor({ state: 'hidden' });
    await panel.send({ type: 'record', record: ended(withFailures(3), 0) });
    await panel.page.getByText('3 failed inputs not kept to be run again').waitFor();
    assert.equal(await part('rerun-failed').isVisible(), false);
  });

  it('says which run a rerun is of, and what each input gave', async () => {
    panel = await openPage();
    const events: RunEvent[] = [
      { type: 'rerun', at: 1, of: 'run-batch0123456789', inputs: 3, notKept: 1 },
      ...[9, 7].map((index) => ({
        type: 'input-result' as const,
        at: 2,
        map: 1,
        function: 'square',
        index,
        result: { value: index * index },
      })),
    ];
    await panel.send(snapshot(events.reduce(applyRunEvent, batchRun({ done: 2, total: 3 }))));
    await part('rerun-of')
      .getByText('3 failed inputs of run-batch0123456789; 1 more not kept')
      .waitFor();
    const rows = part('result').locator('li');
    await rows.nth(1).waitFor();
    const texts = (await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
    assert.deepEqual(texts, ['square #9 81', 'square #7 49']);
  });

  for (const theme of ['dark', 'light'] as const) {
    for (const [width, height] of [
      [930, 231],
      [360, 700],
    ] as const) {
      it(`fits ${width} × ${height} in the ${theme} theme`, async () => {
        panel = await openPage({ theme, width, height });
        await panel.send(snapshot(ended(withFailures(3), 3), { log: typicalLog }));
        for (const testId of ['batch', 'batch-bar', 'log', 'result', 'rerun-failed']) {
          const box = await part(testId).boundingBox();
          assert.ok(box && box.width > 20 && box.height > 5, `${testId} has room`);
          assert.ok(box.x >= 0 && box.x + box.width <= width + 1, `${testId} is not cut off`);
        }
        await part('failed-inputs-title').click();
        await part('failed-inputs').waitFor();
        // Both in one go: the list that opens scrolls itself into sight a moment later.
        const apart = await panel.page.evaluate(() => {
          const box = (testId: string): DOMRect | undefined =>
            document.querySelector(`[data-testid="${testId}"]`)?.getBoundingClientRect();
          const [above, below] = [box('result'), box('failed-inputs-title')];
          return above && below && below.top - above.bottom;
        });
        assert.ok(apart !== undefined && apart >= -1, `they overlap: ${String(apart)}`);
        await part('rerun-failed').scrollIntoViewIfNeeded();
        const label = await part('rerun-failed').evaluate((button) => {
          const range = document.createRange();
          range.selectNodeContents(button);
          return range.getBoundingClientRect().right - button.getBoundingClientRect().right;
        });
        assert.ok(label <= 0, 'its label is within the button');
        const folder = resolve('test-output', 'panel');
        await mkdir(folder, { recursive: true });
        await panel.page.screenshot({
          path: resolve(folder, `batch-${theme}-${width}x${height}.png`),
        });
      });
    }
  }
});
