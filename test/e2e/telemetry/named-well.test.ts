/** Prometheus' own linter has nothing to say about any name of ours; those of the reference stay as they are. */
import { execa } from 'execa';
import { expect, test } from 'vitest';
import {
  COUNTERS,
  type Definition,
  GAUGES,
  HISTOGRAMS,
  nameOf,
  SUMMARIES,
} from '../../../shared/telemetry/metric-table.ts';
import { findOrInstall } from '../../stack/install/index.ts';

const promtool = await findOrInstall('promtool', () => {});

/** One sample of each, as a process shows it. */
function shown(type: string, table: Readonly<Record<string, Definition>>): string[] {
  return Object.entries(table).flatMap(([key, definition]) => {
    const { help, labels } = definition;
    const name = nameOf(key, definition);
    const given = labels.map((label) => `${label}="x"`);
    const sample = (suffix: string, more: readonly string[] = []) =>
      `${name}${suffix}{${[...given, ...more].join()}} 1`;
    const samples = {
      histogram: [sample('_bucket', ['le="+Inf"']), sample('_sum'), sample('_count')],
      summary: [sample('_sum'), sample('_count')],
    }[type];
    return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...(samples ?? [sample('')])];
  });
}

test('promtool complains of the reference’s names alone', async () => {
  const lines = [
    ...shown('counter', COUNTERS),
    ...shown('gauge', GAUGES),
    ...shown('summary', SUMMARIES),
    ...shown('histogram', HISTOGRAMS),
  ];
  const options = { input: `${lines.join('\n')}\n`, reject: false, all: true };
  const { all } = await execa(promtool, ['check', 'metrics'], options);
  const complaints = (all ?? '').split('\n').filter((line) => line !== '');
  // Counters that do not end in _total, and the like.
  const reference = /^vault_injector_\w+_(?:success|error|count|count_success|count_error) /;
  expect(complaints.length).toBeGreaterThan(10);
  expect(complaints.filter((line) => !reference.test(line))).toEqual([]);
});
