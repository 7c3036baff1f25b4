/** A batch in the panel's page, as a person meets it. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Locator } from 'playwright-core';
import type { RunRecord } from '../../runtime/protocol/runRecord';
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

describe('a batch in the panel', function () {
  this.timeout(60_000);
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

  for (const theme of ['dark', 'light'] as const) {
    for (const [width, height] of [
      [930, 231],
      [360, 700],
    ] as const) {
      it(`fits ${width} × ${height} in the ${theme} theme`, async () => {
        panel = await openPage({ theme, width, height });
        await panel.send(snapshot(withFailures(3), { log: typicalLog }));
        for (const testId of ['batch', 'batch-bar', 'log', 'result']) {
          const box = await part(testId).boundingBox();
          assert.ok(box && box.width > 20 && box.height > 5, `${testId} has room`);
          assert.ok(box.x >= 0 && box.x + box.width <= width + 1, `${testId} is not cut off`);
        }
        await part('failed-inputs-title').click();
        const above = await part('result').boundingBox();
        const below = await part('failed-inputs-title').boundingBox();
        assert.ok(above && below && below.y >= above.y + above.height - 1, 'they do not overlap');
        const folder = resolve('test-output', 'panel');
        await mkdir(folder, { recursive: true });
        await panel.page.screenshot({
          path: resolve(folder, `batch-${theme}-${width}x${height}.png`),
        });
      });
    }
  }
});
