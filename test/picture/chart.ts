/** A panel over time, drawn by ECharts. */
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Panel } from '../../knative/monitoring/dashboard/panel.ts';
import type { Span } from '../stack/monitoring/query.ts';
import type { Figures, Line } from './figures.ts';
import { COLORS, FAINT, FONT, GRID, PALETTE, TEXT } from './theme.ts';
import { shown } from './units.ts';

use([BarChart, LineChart, GridComponent, LegendComponent, SVGRenderer]);

interface Size {
  readonly width: number;
  readonly height: number;
}

// Height of a legend's line, and roughly of its letters.
const LINE_HEIGHT = 20;
const LETTER_WIDTH = 6.3;
const SIGN_WIDTH = 30;

/** @returns an SVG element of that size. */
export function chart(figures: Figures, span: Span, { width, height }: Size): string {
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width, height });
  // Many states of a sweep are 0, as they should be: they say nothing in a small picture.
  const lines = figures.lines.filter(({ points }) => points.some(([, value]) => value !== 0));
  const below = legendLines(lines, width) * LINE_HEIGHT;
  drawing.setOption({
    animation: false,
    textStyle: { fontFamily: FONT, color: TEXT },
    grid: {
      left: 8,
      right: 12,
      top: 10,
      bottom: below + 8,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    legend: {
      bottom: 0,
      left: 4,
      itemWidth: 12,
      itemHeight: 8,
      itemGap: 12,
      icon: 'roundRect',
      textStyle: { color: FAINT, fontSize: 11 },
    },
    xAxis: timeAxis(span),
    yAxis: {
      type: 'value',
      min: 0,
      splitNumber: 4,
      axisLabel: {
        color: FAINT,
        fontSize: 10,
        formatter: (value: number) => shown(value, figures.panel.unit),
      },
      splitLine: { lineStyle: { color: GRID } },
    },
    series: drawn(figures.panel, lines),
  });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return svg;
}

const timeAxis = ({ from, to }: Span) => ({
  type: 'time' as const,
  min: from.getTime(),
  max: to.getTime(),
  splitNumber: 4,
  axisLabel: {
    color: FAINT,
    fontSize: 10,
    hideOverlap: true,
    formatter: to.getTime() - from.getTime() < 600_000 ? '{HH}:{mm}:{ss}' : '{HH}:{mm}',
  },
  axisLine: { lineStyle: { color: GRID } },
  axisTick: { show: false },
  splitLine: { show: false },
});

function legendLines(lines: readonly Line[], width: number): number {
  let count = 1;
  let used = 0;
  for (const { name } of lines) {
    const needed = SIGN_WIDTH + name.length * LETTER_WIDTH;
    if (used + needed > width) count += 1;
    used = used + needed > width ? needed : used + needed;
  }
  return count;
}

function drawn({ kind, colors = {} }: Panel, lines: readonly Line[]) {
  const own = Object.values(colors).map((color) => COLORS[color]);
  const others = PALETTE.filter((color) => !own.includes(color));
  const moments = [...new Set(lines.flatMap(({ points }) => points.map(([time]) => time)))].toSorted();
  return lines.map(({ name, points }, index) => {
    const fixed = colors[name];
    const color = fixed === undefined ? others[index % others.length] : COLORS[fixed];
    const common = { name, itemStyle: { color }, lineStyle: { color, width: 2 } };
    if (kind === 'lines')
      return { ...common, type: 'line' as const, showSymbol: false, data: points.map(([...point]) => point) };
    // Stacked one by one: a series that has nothing at some moment has 0.
    const values = new Map(points);
    const data = moments.map((time) => [time, values.get(time) ?? 0]);
    return { ...common, type: 'bar' as const, stack: 'all', barCategoryGap: '15%', data };
  });
}
