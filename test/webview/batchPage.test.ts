/** A batch in the panel's page, as a person meets it. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Locator } from 'playwright-core';
import { withBrowser } from './support/browser';
import type { PanelPage } from './support/panelPage';
import { batchRun, gpuRun, snapshot, typicalLog } from './support/runs';

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

  for (const theme of ['dark', 'light'] as const) {
    for (const [width, height] of [
      [930, 231],
      [360, 700],
    ] as const) {
      it(`fits ${width} × ${height} in the ${theme} theme`, async () => {
        panel = await openPage({ theme, width, height });
        await panel.send(snapshot(batchRun({ done: 120, failed: 3 }), { log: typicalLog }));
        for (const testId of ['batch', 'batch-bar', 'log', 'result']) {
          const box = await part(testId).boundingBox();
          assert.ok(box && box.width > 20 && box.height > 5, `${testId} has room`);
          assert.ok(box.x >= 0 && box.x + box.width <= width + 1, `${testId} is not cut off`);
        }
        const folder = resolve('test-output', 'panel');
        await mkdir(folder, { recursive: true });
        await panel.page.screenshot({
          path: resolve(folder, `batch-${theme}-${width}x${height}.png`),
        });
      });
    }
  }
});
