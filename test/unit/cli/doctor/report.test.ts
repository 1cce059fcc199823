import { expect, test } from 'vitest';
import type { Result } from '../../../../cli/doctor/check.ts';
import { createReport } from '../../../../cli/doctor/report.ts';

const denied = (check: string, what: string): Result => ({
  check,
  state: 'unknown',
  detail: `could not be checked: the API server does not allow it: ${what}`,
  mend: 'run it as somebody else',
  notAllowed: true,
});
const token = (name: string) =>
  `serviceaccounts "${name}" is forbidden: User "me" cannot create resource "serviceaccounts/token" in API group ""`;

test('a right that is missing for many checks is told once', () => {
  const lines: string[] = [];
  const report = createReport({ say: (line) => lines.push(line), paint: (_, text) => text });
  const results: Result[] = [
    denied('login of admission', token('admission')),
    denied('login of renewal', token('renewal')),
    { check: 'the ledger', state: 'unknown', detail: 'skipped: needs "login of renewal"', notAllowed: true },
    { check: 'last sweep', state: 'unknown', detail: 'skipped: needs "login of renewal"', notAllowed: true },
    { check: 'gateway', state: 'failed', detail: 'is open', mend: 'close it' },
    { check: 'pods', state: 'ok', detail: 'all start' },
  ];
  for (const result of results) report.show(result);
  report.end(results);
  expect(lines).toEqual([
    `? login of admission: could not be checked: the API server does not allow it: ${token('admission')}`,
    '    run it as somebody else',
    '? the ledger: skipped: needs "login of renewal"',
    '✗ gateway: is open',
    '    close it',
    '✓ pods: all start',
    '? could not be checked without the right to create serviceaccounts/token, too: login of renewal',
    '? skipped for want of such a right, too: last sweep',
    '1 of 6 ok, 1 failed, 4 unknown',
  ]);
});
