/** Alerts, dashboard and runbook ask for figures that there are, by labels that they have. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COUNTERS, GAUGES, HISTOGRAMS, SUMMARIES } from '../../../../shared/telemetry/metric-table.ts';

const labels = new Map<string, readonly string[]>([
  ...[COUNTERS, GAUGES].flatMap((table) =>
    Object.entries(table).map(([name, of]) => [name, of.labels] as const),
  ),
  ...[HISTOGRAMS, SUMMARIES].flatMap((table) =>
    Object.entries(table).flatMap(([name, of]) =>
      ['_bucket', '_count', '_sum'].map((suffix) => [`${name}${suffix}`, [...of.labels, 'le']] as const),
    ),
  ),
]);
/** What Prometheus adds. */
const OF_TARGET = ['job'];

const files = ['knative/monitoring/rules.yaml', 'knative/monitoring/dashboard.json', 'docs/runbook.md'];

describe.each(files)('%s', (file) => {
  const text = readFileSync(file, 'utf8').replaceAll('\\"', '"');
  const asked = [...text.matchAll(/\bvault_injector_(\w+)(?:\{([^}]*)\})?/g)];

  test('asks for figures', () => expect(asked.length).toBeGreaterThan(2));

  test('asks for none that there are not', () => {
    expect(asked.flatMap(([, name = '']) => (labels.has(name) ? [] : [name]))).toEqual([]);
  });

  test('by labels that they have', () => {
    const wrong = asked.flatMap(([, name = '', selector = '']) => {
      const known = [...(labels.get(name) ?? []), ...OF_TARGET];
      const used = [...selector.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = '']) => label);
      return used.filter((label) => !known.includes(label)).map((label) => `${name}: ${label}`);
    });
    expect(wrong).toEqual([]);
  });
});
