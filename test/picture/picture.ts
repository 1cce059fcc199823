/** The dashboard at a glance, as one SVG. */
import type { Panel } from '../../knative/monitoring/dashboard/panel.ts';
import { rows } from '../../knative/monitoring/dashboard/rows.ts';
import type { Span } from '../stack/monitoring/query.ts';
import { chart } from './chart.ts';
import { type Figures, figuresOf } from './figures.ts';
import { stat } from './stat.ts';
import { CARD, EDGE, FAINT, FONT, GROUND, TEXT } from './theme.ts';

/** The six figures on top, and of the rest what tells most. */
const CHARTS = [
  'Admissions by result',
  'Time to admit a pod',
  'Live grants by namespace',
  'Leases renewed',
  'Delete events by outcome',
  'Requests by status',
];

const WIDTH = 1_240;
const GAP = 12;
const HEAD = 56;
const STAT_HEIGHT = 84;
const CHART_HEIGHT = 236;
const TITLE_HEIGHT = 30;
const POINTS = 48;

const panels = rows.flatMap((row) => row.panels);
const stats = panels.filter(({ kind }) => kind === 'stat');
const charts = CHARTS.map((title) => {
  const found = panels.find((panel) => panel.title === title);
  if (found === undefined) throw new Error(`the dashboard has no panel "${title}"`);
  return found;
});

/** @param minutes up to now that it shows. */
export async function drawDashboard(prometheusUrl: string, minutes: number): Promise<string> {
  const to = new Date();
  const from = new Date(to.getTime() - minutes * 60_000);
  const span = { from, to, stepSeconds: Math.max(1, Math.round((minutes * 60) / POINTS)) };
  const read = (of: readonly Panel[]) =>
    Promise.all(of.map((panel) => figuresOf(panel, prometheusUrl, span)));
  return compose(await read(stats), await read(charts), span);
}

function compose(ofStats: readonly Figures[], ofCharts: readonly Figures[], span: Span): string {
  const placed = (figures: readonly Figures[], columns: number, top: number, height: number) =>
    figures.map((one, index) => {
      const width = (WIDTH - GAP * (columns + 1)) / columns;
      const x = GAP + (index % columns) * (width + GAP);
      const y = top + Math.floor(index / columns) * (height + GAP);
      return card(one, span, { x, y, width, height });
    });
  const top = HEAD + STAT_HEIGHT + GAP;
  const height = top + Math.ceil(ofCharts.length / 3) * (CHART_HEIGHT + GAP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Dashboard of the Vault DB injector">`,
    `<rect width="${WIDTH}" height="${height}" rx="10" fill="${GROUND}"/>`,
    `<text x="${GAP + 4}" y="36" font-family="${FONT}" font-size="18" font-weight="600" fill="${TEXT}">Vault DB injector</text>`,
    `<text x="${WIDTH - GAP - 4}" y="36" text-anchor="end" font-family="${FONT}" font-size="12" fill="${FAINT}">${caption(span)}</text>`,
    ...placed(ofStats, ofStats.length, HEAD, STAT_HEIGHT),
    ...placed(ofCharts, 3, top, CHART_HEIGHT),
    '</svg>',
    '',
  ].join('\n');
}

const clock = (time: Date): string => time.toISOString().slice(11, 16);
const caption = ({ from, to }: Span): string => `${clock(from)} – ${clock(to)} UTC`;

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function card(figures: Figures, span: Span, { x, y, width, height }: Place): string {
  const { panel } = figures;
  const size = { width: width - GAP, height: height - TITLE_HEIGHT - 6 };
  const inside =
    panel.kind === 'stat'
      ? stat(figures)
      : `<g transform="translate(${GAP / 2} ${TITLE_HEIGHT})">${chart(figures, span, size)}</g>`;
  return [
    `<g transform="translate(${x} ${y})">`,
    `<rect width="${width}" height="${height}" rx="6" fill="${CARD}" stroke="${EDGE}"/>`,
    `<text x="16" y="24" font-family="${FONT}" font-size="13" fill="${panel.kind === 'stat' ? FAINT : TEXT}">${panel.title}</text>`,
    inside,
    '</g>',
  ].join('\n');
}
