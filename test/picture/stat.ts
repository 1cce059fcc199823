/** A panel that is one figure. */
import type { Panel } from '../../knative/monitoring/dashboard/panel.ts';
import type { Figures } from './figures.ts';
import { COLORS, FONT, TEXT } from './theme.ts';
import { shown } from './units.ts';

export function stat({ panel, lines }: Figures): string {
  const value = lines[0]?.points.at(-1)?.[1];
  const text = value === undefined ? 'no data' : (panel.words?.[String(value)] ?? shown(value, panel.unit));
  const color = value === undefined ? TEXT : colorOf(panel, value);
  return `<text x="16" y="66" font-family="${FONT}" font-size="30" font-weight="600" fill="${color}">${text}</text>`;
}

function colorOf({ thresholds = [] }: Panel, value: number): string {
  const reached = thresholds.findLast(({ from }) => value >= from) ?? thresholds[0];
  return reached === undefined ? TEXT : COLORS[reached.color];
}
