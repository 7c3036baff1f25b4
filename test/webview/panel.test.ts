/** The page as a person meets it: the built bundle in a real browser, under the editor's policy. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import type { Locator } from 'playwright-core';
import type { HostMessage } from '../../runtime/protocol/panelMessages';
import { phases } from '../../runtime/protocol/phaseOrder';
import { withBrowser } from './support/browser';
import type { PanelPage } from './support/panelPage';
import {
  containers,
  cpuRun,
  failedRun,
  gpuRun,
  lines,
  liveRun,
  localRuntime,
  runtime,
  snapshot,
  typicalLog,
  userError,
} from './support/runs';

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="20"><circle r="9"/></svg>';

describe('the panel in a browser', function () {
  this.timeout(180_000);
  const openPage = withBrowser();
  let panel: PanelPage;

  const part = (testId: string): Locator => panel.page.getByTestId(testId);
  const lastPosted = async (): Promise<unknown> => (await panel.posted()).at(-1);
  const button = (name: string): Locator => panel.page.getByRole('button', { name });

  it('teaches the first step before any run', async () => {
    panel = await openPage();
    await panel.send(snapshot(null, { runtime: { ...localRuntime, state: 'off' } }));
    await panel.page.getByText('Run a Python function on a GPU').waitFor();
    await button('Start the local runtime').click();
    assert.deepEqual(await lastPosted(), { type: 'startLocalRuntime' });
    await button('Pair a GPU runtime').click();
    assert.deepEqual(await lastPosted(), { type: 'pair' });
  });

  it('shows a recorded run: phases, memory, cost, container, log and result', async () => {
    panel = await openPage();
    await panel.send(snapshot(gpuRun(), { log: typicalLog, containers }));
    const shown = await Promise.all(phases.map((phase) => part(`phase-${phase}`).innerText()));
    assert.match(shown[2] ?? '', /Image\s+skipped\s+cached/);
    assert.match(shown[5] ?? '', /Model load[^]*gpt2 \(transformers\.pipeline\)[^]*4\.62 s/);
    assert.equal(await part('phase-running').getAttribute('data-status'), 'done');
    assert.match(await part('memory-now').innerText(), /GPU memory .* of 24\.2 GB · peak .*NVML/);
    assert.match(await part('memory-now').innerText(), /GB while running, .* GB in model-load/);
    const spoken = await part('memory-chart').getAttribute('aria-label');
    assert.match(spoken ?? '', /^GPU memory .* while running, .*measured by NVML$/);
    assert.equal(await part('memory-chart').locator('canvas').count(), 1);
    assert.match(await part('cost').innerText(), /\$0\.0022 +10\.1 s on L4/);
    assert.match(await part('container').innerText(), /text-generation idle · L4/);
    assert.match(await part('log').innerText(), /done: 64 tokens/);
    assert.match(await part('result').innerText(), /tokens: 64/);
    await part('stop').click();
    assert.deepEqual(await lastPosted(), { type: 'stopContainer', container: 'c-7f3a' });
    await button('Run again').click();
    assert.deepEqual(await lastPosted(), { type: 'rerun', run: gpuRun().run });
  });

  it('lines the memory chart up with the phases', async () => {
    panel = await openPage();
    await panel.send(snapshot(gpuRun()));
    const track = await part('phase-running').locator('.track').boundingBox();
    const plot = await part('memory-chart').locator('.u-over').boundingBox();
    assert.ok(track && plot);
    assert.ok(Math.abs(track.x - plot.x) <= 1);
    assert.ok(Math.abs(track.width - plot.width) <= 2);
  });

  it('runs the clocks of a live run, says its phase, and cancels it', async () => {
    panel = await openPage();
    const run = liveRun(Date.now() - 6000);
    await panel.send(snapshot(run), { type: 'record', record: run });
    assert.match(
      await part('memory-now').innerText(),
      /others 3\.00 GB · 87 % busy · 61 °C · 71 W of 72 W/,
    );
    const clock = part('phase-model-load').locator('.figure');
    const before = await clock.innerText();
    await panel.page.waitForFunction(
      (text) =>
        document.querySelector('[data-testid=phase-model-load] .figure')?.textContent !== text,
      before,
    );
    await panel.page.getByText('generate: Model load').waitFor({ state: 'attached' });
    await button('Cancel').click();
    assert.deepEqual(await lastPosted(), { type: 'cancel', run: run.run });
    await panel.send({ type: 'record', record: { ...run, status: 'cancelled', ms: 6100 } });
    assert.equal(await button('Cancel').count(), 0);
    await panel.page.getByText('generate cancelled after 6.10 s').waitFor({ state: 'attached' });
  });

  it('draws log colours, folds progress bars and opens the places that a traceback names', async () => {
    panel = await openPage();
    await panel.send(snapshot(gpuRun(), { log: typicalLog }));
    const log = part('log');
    assert.equal(await log.locator('.fg-2').innerText(), 'INFO');
    assert.doesNotMatch(await log.innerText(), /12%|\[32m/);
    await log.getByRole('link', { name: 'File "examples/app.py", line 41' }).click();
    assert.deepEqual(await lastPosted(), { type: 'openFile', file: 'examples/app.py', line: 41 });
    await log.getByRole('link', { name: 'base.py:1090' }).press('Enter');
    const { file, line } = (await lastPosted()) as { file: string; line: number };
    assert.ok(file.endsWith('pipelines/base.py') && line === 1090);
  });

  it('filters, copies what is left, and remembers the filter', async () => {
    panel = await openPage();
    await panel.send(snapshot(gpuRun(), { log: typicalLog }));
    const filter = panel.page.getByRole('textbox', { name: 'Filter the log' });
    await filter.fill('LOSS');
    await panel.page.getByText('4 of 14 lines').waitFor();
    assert.equal(await part('log').locator('mark').count(), 4);
    await panel.send({
      type: 'log',
      run: gpuRun().run,
      lines: lines(['loss 1', 'x'], 15),
      dropped: 0,
    });
    await panel.page.getByText('5 of 16 lines').waitFor();
    await button('Copy log').click();
    const copied = (await lastPosted()) as { text: string };
    assert.equal(copied.text.split('\n').length, 5);
    await filter.press('Escape');
    await panel.page.getByText('16 lines', { exact: true }).waitFor();
    await panel.page.getByRole('button', { name: 'Wrap long lines', pressed: true }).click();
    assert.equal(await part('log').evaluate((log) => log.classList.contains('wrap')), false);
    const state = await panel.page.evaluate(() => sessionStorage.getItem('state'));
    assert.match(state ?? '', /"wrap":false,"filter":""/);
  });

  it('keeps a flood of lines light, in order, and at its end unless the person scrolls', async () => {
    panel = await openPage();
    const run = gpuRun();
    await panel.send(snapshot(run));
    const flood = Array.from({ length: 60_000 }, (_, index) => `line ${index + 1}`);
    for (let from = 0; from < flood.length; from += 10_000) {
      const batch = lines(flood.slice(from, from + 10_000), from + 1);
      await panel.send({ type: 'log', run: run.run, lines: batch, dropped: 0 });
    }
    const log = part('log');
    await log.getByText('line 60000', { exact: true }).waitFor();
    await panel.page.getByText('50,000 lines').waitFor();
    assert.ok((await log.locator('.line').count()) < 1500, 'draws what is near, not all');
    await log.hover();
    await panel.page.mouse.wheel(0, -1_000_000_000);
    await log.getByText('line 10001', { exact: true }).waitFor();
    await panel.send({ type: 'log', run: run.run, lines: lines(['new'], 60_001), dropped: 0 });
    assert.equal(await log.getByText('new', { exact: true }).isVisible(), false);
    await log.getByRole('button', { name: '10,001 older lines are in the full log' }).click();
    assert.deepEqual(await lastPosted(), { type: 'openLog', run: run.run });
    await button('Scroll to the end and follow').click();
    await log.getByText('new', { exact: true }).waitFor();
    const fromEnd = await log.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
    assert.ok(fromEnd < 2);
  });

  it('grows a line that comes in pieces where it stands', async () => {
    panel = await openPage();
    const run = gpuRun();
    const [first, second, last] = lines(['10%\r', '20%\r', '100%']);
    assert.ok(first && second && last);
    await panel.send(
      snapshot(run),
      { type: 'log', run: run.run, lines: [{ ...first, partial: true }], dropped: 0 },
      { type: 'log', run: run.run, lines: [{ ...second, partial: true }, last], dropped: 0 },
    );
    assert.equal(
      await part('log').locator('.line:not(.older)').allInnerTexts().then(String),
      '100%',
    );
  });

  it('shows a picture, and the other forms on request', async () => {
    panel = await openPage();
    const mime = { 'image/svg+xml': SVG, 'text/plain': '<Figure>' };
    await panel.send(snapshot(cpuRun('plot', { mime }), { runtime: localRuntime }));
    const width = await part('result')
      .getByRole('img', { name: '<Figure>' })
      .evaluate(async (image) => {
        await (image as HTMLImageElement).decode();
        return (image as HTMLImageElement).naturalWidth;
      });
    assert.equal(width, 32);
    await panel.page.getByRole('combobox', { name: 'Show the result as' }).click();
    await panel.page.getByRole('option', { name: 'Text' }).click();
    assert.equal(await part('result').innerText(), '<Figure>');
    await button('Save result as a file').click();
    assert.deepEqual(await lastPosted(), {
      type: 'saveResult',
      run: 'run-plot0123456789',
      mime: 'text/plain',
    });
  });

  it('shows a long table with its head in sight and says how much is missing', async () => {
    panel = await openPage();
    const table = {
      columns: ['epoch', 'loss'],
      dtypes: ['int64', 'float64'],
      rows: Array.from({ length: 1000 }, (_, index) => [index, 1 / (index + 1)]),
      totalRows: 12_345,
    };
    const mime = { 'application/vnd.velar.table+json': table };
    await panel.send(snapshot(cpuRun('metrics', { mime })));
    await panel.page.getByText('1,000 of 12,345 rows · 2 columns').waitFor();
    await part('result').getByRole('cell', { name: '999', exact: true }).scrollIntoViewIfNeeded();
    const inSight = part('result').getByRole('columnheader', { name: 'epoch' });
    const [head, frame] = [await inSight.boundingBox(), await part('result').boundingBox()];
    assert.ok(head && frame && head.y >= frame.y && head.y < frame.y + 30);
  });

  it('makes returned HTML harmless', async () => {
    panel = await openPage();
    const html =
      '<h2 onclick="boom()">Report</h2><script>window.boom = 1</script><img src=x onerror="boom()">' +
      '<a href="javascript:boom()">bad</a> <a href="https://example.org/">good</a>' +
      '<form action="/steal"><input name="a"><b style="position:fixed">kept</b></form>' +
      '<svg><style>*{display:none}</style></svg><iframe srcdoc="x"></iframe>';
    await panel.send(snapshot(cpuRun('report', { mime: { 'text/html': html } })));
    const view = part('result').locator('.html-view');
    assert.equal(
      await view.innerHTML(),
      '<h2>Report</h2><img><a>bad</a> <a href="https://example.org/">good</a><b>kept</b>',
    );
    // The policy also speaks up about what the text contains, before any of it is left out.
    const stopped = panel.problems.splice(0);
    assert.ok(
      stopped.every((problem) => problem.includes('has been blocked')),
      stopped.join(),
    );
    assert.equal(await panel.page.evaluate(() => 'boom' in window), false);
  });

  it('adds what a generator yields as it comes', async () => {
    panel = await openPage();
    const run = { ...liveRun(Date.now()), yields: [{ value: 'The' }] };
    await panel.send(snapshot(run));
    await panel.send({
      type: 'record',
      record: { ...run, yields: [{ value: 'The' }, { value: { token: 'cat' } }] },
    });
    const items = part('result').locator('.yields li');
    assert.deepEqual(await items.allInnerTexts(), ['The', '{"token":"cat"}']);
  });

  it('explains a failure, with its hint and its places', async () => {
    panel = await openPage();
    await panel.send(snapshot(failedRun(), { log: typicalLog }));
    const text = await part('result').innerText();
    assert.match(text, /The function raised\s+ValueError: could not convert/);
    assert.ok(text.includes(userError.hint ?? '?'));
    await part('result').getByRole('link', { name: 'examples/data.py:12' }).click();
    assert.deepEqual(await lastPosted(), { type: 'openFile', file: 'examples/data.py', line: 12 });
  });

  it('looks back at an earlier run', async () => {
    panel = await openPage();
    await panel.send(snapshot(gpuRun(), { others: [failedRun()] }));
    await panel.page.getByRole('combobox', { name: 'Earlier runs' }).click();
    await panel.page.getByRole('option', { name: 'train' }).click();
    assert.deepEqual(await lastPosted(), { type: 'select', run: failedRun().run });
    await panel.send(snapshot(failedRun(), { others: [gpuRun()] }));
    await panel.page.getByRole('heading', { name: 'train' }).waitFor();
  });

  it('says what a runtime that is gone is doing, and what to do', async () => {
    panel = await openPage();
    await panel.send(snapshot(gpuRun()));
    const strip = panel.page.locator('.runtime-strip');
    assert.equal(await strip.isVisible(), false);
    await panel.send({ type: 'runtime', runtime: { ...runtime, state: 'reconnecting' } });
    assert.match(await strip.innerText(), /gpu-box dropped\. Reconnecting/);
    const message = 'gpu-box refused the token. Pair it again.';
    await panel.send({ type: 'runtime', runtime: { ...runtime, state: 'failed', message } });
    assert.ok((await strip.innerText()).includes(message));
    await button('Pair a GPU runtime').click();
    assert.deepEqual(await lastPosted(), { type: 'pair' });
  });

  it('offers the CPU, this once, to a run that found no GPU', async () => {
    panel = await openPage();
    const run = failedRun({
      kind: 'capacity',
      type: 'NoGpu',
      message: 'train asks for L4, and gpu-box has none.',
      traceback: [],
    });
    await panel.send(snapshot(run));
    await button('Run on CPU this once').click();
    assert.deepEqual(await lastPosted(), { type: 'runOnCpu', run: run.run });
    await button('Pair a GPU runtime').click();
    assert.deepEqual(await lastPosted(), { type: 'pair' });
  });

  it('says that a container has stopped only when it can know', async () => {
    panel = await openPage();
    const gone = panel.page.getByText('Container c-7f3a has stopped');
    await panel.send(snapshot(gpuRun(), { runtime: { ...runtime, state: 'reconnecting' } }));
    assert.equal(await gone.count(), 0);
    await panel.send({ type: 'runtime', runtime });
    assert.equal(await gone.count(), 1);
  });

  it('takes a click on a button whose surroundings change while it is down', async () => {
    panel = await openPage();
    const [container] = containers;
    assert.ok(container);
    const press = async (testId: string, change: HostMessage): Promise<void> => {
      await part(testId).hover();
      await panel.page.mouse.down();
      await panel.send(change);
      await panel.page.mouse.up();
    };
    const error = { ...userError, inspectable: true };
    const ended = failedRun(error);
    await panel.send(snapshot({ ...ended, status: 'active', ms: null }, { containers }));
    await press('stop', { type: 'containers', containers: [{ ...container, memoryBytes: 7e8 }] });
    assert.deepEqual(await lastPosted(), { type: 'stopContainer', container: 'c-7f3a' });
    await part('container').getByText('700 MB').waitFor();
    await press('post-mortem', { type: 'record', record: ended });
    assert.deepEqual(await lastPosted(), { type: 'inspectFailure', run: ended.run });
    await panel.send({ type: 'containers', containers: [] });
    assert.equal(await part('container').count(), 0);
  });

  it('moves a column’s border with the keyboard and keeps it there', async () => {
    panel = await openPage();
    await panel.send(snapshot(gpuRun()));
    const left = panel.page.locator('.column.left');
    const before = (await left.boundingBox())?.width ?? 0;
    await panel.page.getByRole('separator', { name: 'Width of the phases' }).press('ArrowRight');
    assert.equal((await left.boundingBox())?.width, Math.round(before) + 24);
    await panel.page.reload();
    await panel.send(snapshot(gpuRun()));
    assert.equal((await left.boundingBox())?.width, Math.round(before) + 24);
  });

  for (const theme of ['dark', 'light', 'high-contrast'] as const) {
    for (const [width, height] of [
      // As low as VS Code opens it.
      [930, 231],
      [1400, 280],
      [700, 400],
      [360, 700],
    ] as const) {
      it(`fits ${width} × ${height} in the ${theme} theme`, async () => {
        panel = await openPage({ theme, width, height });
        await panel.send(snapshot(gpuRun(), { log: typicalLog, containers }));
        for (const testId of ['phase-running', 'log', 'result', 'cost', 'stop', 'memory-now']) {
          const box = await part(testId).boundingBox();
          assert.ok(box && box.width > 20 && box.height > 10, `${testId} has room`);
          assert.ok(box.x >= 0 && box.x + box.width <= width + 1, `${testId} is not cut off`);
        }
        const chart = await part('memory-chart').boundingBox();
        assert.ok(chart && chart.height > 30 && chart.y + chart.height <= height + 1, 'the chart');
        const folder = resolve('test-output', 'panel');
        await mkdir(folder, { recursive: true });
        await panel.page.screenshot({ path: resolve(folder, `${theme}-${width}x${height}.png`) });
      });
    }
  }
});

describe('the panel’s bundle', () => {
  it('stays under 450 kB, minified', async () => {
    const { outputFiles } = await build({
      entryPoints: ['webview/main.ts'],
      bundle: true,
      minify: true,
      write: false,
      platform: 'browser',
      format: 'iife',
      target: 'es2022',
      legalComments: 'none',
    });
    const size = outputFiles[0]?.contents.byteLength ?? Infinity;
    assert.ok(size < 450_000, `${size} bytes`);
  });
});
