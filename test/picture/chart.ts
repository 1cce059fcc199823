/** A panel over time, drawn by ECharts. */
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Span } from '../stack/monitoring/query.ts';
import type { Figures } from './figures.ts';
import { COLORS, FAINT, FONT, GRID, PALETTE, TEXT } from './theme.ts';
import { shown } from './units.ts';

use([BarChart, LineChart, GridComponent, LegendComponent, SVGRenderer]);

interface Size {
  readonly width: number;
  readonly height: number;
}

/** @returns an SVG element of that size. */
export function chart(figures: Figures, span: Span, { width, height }: Size): string {
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width, height });
  drawing.setOption({
    animation: false,
    textStyle: { fontFamily: FONT, color: TEXT },
    color: PALETTE,
    grid: { left: 8, right: 12, top: 10, bottom: 34, containLabel: true },
    legend: {
      bottom: 0,
      left: 4,
      itemWidth: 12,
      itemHeight: 8,
      itemGap: 12,
      icon: 'roundRect',
      textStyle: { color: FAINT, fontSize: 11 },
    },
    xAxis: {
      type: 'time',
      min: span.from.getTime(),
      max: span.to.getTime(),
      splitNumber: 4,
      axisLabel: { color: FAINT, fontSize: 10, hideOverlap: true, formatter: '{HH}:{mm}' },
      axisLine: { lineStyle: { color: GRID } },
      axisTick: { show: false },
      splitLine: { show: false },
    },
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
    series: figures.lines.map((line) => series(figures, line)),
  });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return svg;
}

function series({ panel }: Figures, { name, points }: Figures['lines'][number]) {
  const color = panel.colors?.[name];
  const common = {
    name,
    data: points.map(([time, value]) => [time, value]),
    ...(color === undefined
      ? {}
      : { itemStyle: { color: COLORS[color] }, lineStyle: { color: COLORS[color], width: 2 } }),
  };
  return panel.kind === 'bars'
    ? { ...common, type: 'bar' as const, stack: 'all', barCategoryGap: '15%' }
    : { ...common, type: 'line' as const, showSymbol: false };
}
