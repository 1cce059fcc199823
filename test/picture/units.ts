import type { Panel } from '../../knative/monitoring/dashboard/panel.ts';

const STEPS = [
  { from: 86_400, unit: 'd' },
  { from: 5_400, unit: 'h', of: 3_600 },
  { from: 90, unit: 'min', of: 60 },
  { from: 1, unit: 's', of: 1 },
] as const;

function duration(seconds: number): string {
  if (seconds < 0) return `−${duration(-seconds)}`;
  const step = STEPS.find(({ from }) => seconds >= from);
  if (step === undefined) return seconds === 0 ? '0' : `${rounded(seconds * 1_000)} ms`;
  return `${rounded(seconds / ('of' in step ? step.of : step.from))} ${step.unit}`;
}

const rounded = (value: number): string => String(Number(value.toPrecision(value >= 100 ? 3 : 2)));

/** Printed for people: `38 ms`, `12 min`, `0.4 %`. */
export function shown(value: number, unit: Panel['unit']): string {
  if (unit === 's') return duration(value);
  return unit === 'percentunit' ? `${rounded(value * 100)} %` : String(Math.round(value * 100) / 100);
}
