/** What a bench measures, one JSON line each as it comes, and a table at the end. */

interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** Printed form: `≤ 2.0`, `3`; empty for a figure that only informs. */
  readonly target: string;
}

const figures: Figure[] = [];

export function report(figure: string, value: number, unit: string, target = ''): void {
  const rounded = { figure, value: Number(value.toPrecision(4)), unit, target };
  figures.push(rounded);
  console.log(JSON.stringify(rounded));
}

/** Whether a figure is what was aimed at; `undefined` where nothing was. */
function holds({ value, target }: Figure): boolean | undefined {
  const [, relation = '=', bound = ''] = /^(≤|≥)?\s*([\d.]+)/.exec(target) ?? [];
  if (bound === '') return undefined;
  if (relation === '≤') return value <= Number(bound);
  if (relation === '≥') return value >= Number(bound);
  return Math.round(value) === Number(bound);
}

export function printTable(): void {
  const mark = (figure: Figure) =>
    ({ true: '✓', false: '✗ missed', undefined: '' })[String(holds(figure))] ?? '';
  const rows = figures.map((figure) => [
    figure.figure,
    `${figure.value} ${figure.unit}`,
    figure.target,
    mark(figure),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  console.log('');
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

/** The value below which the given share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
