/** docs/renewal.md names everything that a sweep reports. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { snakeCase } from '../../../cronjobs/renewal/measure.ts';
import { newReport } from '../../../cronjobs/renewal/report.ts';
import { tableIn } from './markdown-table.ts';

const page = readFileSync('docs/renewal.md', 'utf8');
const isFigure = (name: string) =>
  !['braked', 'clockSkewSeconds', 'vaultRequests', 'durationMs'].includes(name);

test('the table has every figure of a report, by its name in the log and as a label', () => {
  const rows = tableIn(page, ['in the log', 'state', 'how many']);
  const names = Object.keys(newReport()).filter(isFigure);
  expect(rows.map(([inLog, state]) => [inLog, state])).toEqual(names.map((name) => [name, snakeCase(name)]));
});
