/** Memory over time, on the same axis as the phases above it. */
import uPlot from 'uplot';
import type { RunRecord } from '../runtime/protocol/runRecord';
import { FIGURE_PX, NAME_PX } from './axis';
import { themeColour, translucent } from './colour';
import { h, setAttribute } from './dom';
import { formatBytes, formatElapsed } from '../runtime/protocol/figures';
import {
  chartData,
  deviceMemory,
  memoryNote,
  memoryText,
  wholeMemoryText,
  type ChartData,
  type ChartSeries,
} from './memoryModel';
import type { Timeline } from './timelineModel';

const colours = ['--vscode-charts-blue', '--vscode-charts-purple', '--vscode-charts-orange'];
const AXIS_PX = 18;

export interface MemoryChart {
  readonly element: HTMLElement;
  update(record: RunRecord, timeline: Timeline, gpuNote: string | null): void;
  /** Follows the time axis between two updates. */
  setSpan(spanMs: number): void;
}

export function createMemoryChart(): MemoryChart {
  const now = h('div', { class: 'memory-now', 'data-testid': 'memory-now' });
  const plot = h('div', { class: 'plot', role: 'img', 'data-testid': 'memory-chart' });
  const element = h('section', { class: 'memory', 'aria-label': 'Memory' }, now, plot);
  let chart: uPlot | null = null;
  let data: ChartData = { series: [], columns: [[]], maxBytes: 1 };
  let spanMs = 1000;
  let lines: Node[] = [];

  function showLines(): void {
    now.replaceChildren(...lines);
  }

  function draw(): void {
    const width = plot.clientWidth;
    const height = plot.clientHeight;
    if (width === 0 || height === 0) return;
    chart?.destroy();
    chart = new uPlot(options(data, spanMs, width, height, hover), columns(data), plot);
  }

  /** Shows the figures under the pointer instead of the newest ones. */
  function hover(self: uPlot): void {
    const index = self.cursor.idx ?? -1;
    const x = data.columns[0][index];
    const found = data.series.findIndex(
      ({ kind }, column) => kind === 'used' && (data.columns[column + 1]?.[index] ?? null) !== null,
    );
    const bytes = data.columns[found + 1]?.[index] ?? null;
    const device = data.series[found]?.device;
    if (x === undefined || bytes === null || device === undefined) {
      showLines();
      return;
    }
    const name = device === 'host' ? 'Host memory' : device;
    now.replaceChildren(
      h('span', {}, `${name} ${formatBytes(bytes)} after ${formatElapsed(x * 1000)}`),
    );
  }

  new ResizeObserver(() => {
    const width = plot.clientWidth;
    const height = plot.clientHeight;
    if (chart === null) draw();
    else if (width > 0 && height > 0) chart.setSize({ width, height });
  }).observe(plot);
  // The editor changes the body's class when the theme changes; the canvas holds the old colours.
  new MutationObserver(draw).observe(document.body, {
    attributes: true,
    attributeFilter: ['class', 'data-vscode-theme-kind'],
  });

  return {
    element,
    update: (record, timeline, gpuNote) => {
      const memory = deviceMemory(record);
      const devices = memory.map((device) => device.device);
      const before = JSON.stringify(data.series);
      data = chartData(record, devices, timeline.originAt);
      const sameSeries = before === JSON.stringify(data.series);
      spanMs = timeline.spanMs;
      const note = memoryNote(record, gpuNote);
      lines = memory.flatMap((device, index) => {
        const key = h('span', { class: `key key-${index % colours.length}` });
        const source = h('span', { class: 'muted' }, ` ${device.source}`);
        const title = wholeMemoryText(device);
        const line = h('span', { class: 'memory-line', title }, key, memoryText(device), source);
        if (device.detail === '') return [line];
        return [line, h('span', { class: 'memory-detail muted', title }, device.detail)];
      });
      if (note !== null) lines.push(h('span', { class: 'muted note-line', title: note }, note));
      showLines();
      setAttribute(
        plot,
        'aria-label',
        [...memory.map(wholeMemoryText), note ?? ''].filter((text) => text !== '').join('; '),
      );
      plot.dataset.samples = String(record.memory.length);
      if (chart === null || !sameSeries) draw();
      else chart.setData(columns(data), false);
      chart?.setScale('x', { min: 0, max: spanMs / 1000 });
      chart?.setScale('y', { min: 0, max: top(data) });
    },
    setSpan: (next) => {
      if (next === spanMs) return;
      spanMs = next;
      chart?.setScale('x', { min: 0, max: spanMs / 1000 });
    },
  };
}

function columns(data: ChartData): uPlot.AlignedData {
  return data.columns;
}

function top(data: ChartData): number {
  return data.maxBytes * 1.15;
}

function options(
  data: ChartData,
  spanMs: number,
  width: number,
  height: number,
  onCursor: (self: uPlot) => void,
): uPlot.Options {
  const text = themeColour('--vscode-descriptionForeground', '--vscode-foreground');
  const grid = translucent(themeColour('--velar-line', '--vscode-foreground'), 0.5);
  const family = themeColour('--vscode-font-family', '--vscode-editor-font-family');
  const axis: uPlot.Axis = {
    stroke: text,
    font: `10px ${family || 'sans-serif'}`,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    gap: 4,
  };
  return {
    width,
    height,
    padding: [4, FIGURE_PX, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, min: 0, max: spanMs / 1000, auto: false },
      y: { min: 0, max: top(data), auto: false },
    },
    axes: [
      {
        ...axis,
        size: AXIS_PX,
        space: 50,
        values: (_self, splits) => splits.map((seconds) => `${seconds} s`),
      },
      {
        ...axis,
        size: NAME_PX,
        space: 24,
        values: (_self, splits) =>
          splits.map((bytes) => {
            if (data.series.length === 0) return '';
            return bytes === 0 ? '0' : formatBytes(bytes);
          }),
      },
    ],
    series: [{}, ...data.series.map((one) => seriesOptions(data, one))],
    bands: data.series.flatMap(({ kind }, index) =>
      kind === 'all'
        ? [{ series: [index + 1, index] as [number, number], fill: othersFill() }]
        : [],
    ),
    hooks: { setCursor: [onCursor] },
  };
}

/** A device's own memory in its colour; the whole card's in a fainter one; its size as a dashed line. */
function seriesOptions(data: ChartData, { device, kind }: ChartSeries): uPlot.Series {
  const devices = [...new Set(data.series.map((one) => one.device))];
  const colour = colours[devices.indexOf(device) % colours.length] ?? '';
  const stroke = themeColour(colour, '--vscode-foreground');
  switch (kind) {
    case 'used':
      return { label: device, stroke, fill: translucent(stroke, 0.15), width: 1.5, spanGaps: true };
    case 'all':
      return { label: `${device}, with others`, stroke: othersFill(), width: 1, spanGaps: true };
    case 'total': {
      const faint = themeColour('--vscode-descriptionForeground', '--vscode-foreground');
      const points = { show: false };
      return {
        label: `${device}, size`,
        stroke: faint,
        width: 1,
        dash: [4, 4],
        points,
        spanGaps: true,
      };
    }
  }
}

function othersFill(): string {
  return translucent(themeColour('--vscode-descriptionForeground', '--vscode-foreground'), 0.35);
}
