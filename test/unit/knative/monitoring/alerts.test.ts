/** The alerts: each fires when it should, is silent when it should be, and has a section in the runbook. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { prometheusRule } from '../../../../knative/monitoring/prometheus-rule.ts';
import { findOrInstall } from '../../../stack/install/index.ts';

const rulesFile = 'knative/monitoring/rules.yaml';
const rules = readFileSync(rulesFile, 'utf8');
const promtool = await findOrInstall('promtool', () => {});

const Alert = v.strictObject({
  alert: v.string(),
  expr: v.string(),
  for: v.exactOptional(v.string()),
  labels: v.strictObject({ severity: v.picklist(['critical', 'warning', 'info']) }),
  annotations: v.strictObject({ summary: v.string(), description: v.string(), runbook_url: v.string() }),
});
const Recording = v.strictObject({ record: v.string(), expr: v.string() });
const Rules = v.object({ groups: v.array(v.object({ rules: v.array(v.union([Alert, Recording])) })) });
const alerts = v
  .parse(Rules, parse(rules))
  .groups.flatMap((group) => group.rules.flatMap((rule) => ('alert' in rule ? [rule] : [])));

const folder = join(import.meta.dirname, 'alerts');
const files = readdirSync(folder);
const Cases = v.object({
  tests: v.array(
    v.object({
      alert_rule_test: v.array(v.object({ alertname: v.string(), exp_alerts: v.array(v.unknown()) })),
    }),
  ),
});
const cases = files
  .flatMap((file) => v.parse(Cases, parse(readFileSync(join(folder, file), 'utf8'))).tests)
  .flatMap(({ alert_rule_test: of }) => of);

test('Prometheus takes the rules', async () => {
  const { stdout } = await execa(promtool, ['check', 'rules', rulesFile]);
  expect(stdout).toContain('SUCCESS');
});

test.each(files)('as told by %s', async (file) => {
  const { all, exitCode } = await execa(promtool, ['test', 'rules', join(folder, file)], {
    all: true,
    reject: false,
  });
  expect(exitCode, all).toBe(0);
});

const sections = new Map(
  readFileSync('docs/runbook.md', 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);

describe.each(alerts)('$alert', ({ alert, annotations }) => {
  test('has a case in which it fires, and one in which it does not', () => {
    const own = cases.filter(({ alertname }) => alertname === alert);
    expect(new Set(own.map(({ exp_alerts: expected }) => expected.length > 0))).toEqual(
      new Set([true, false]),
    );
  });

  test('has a section in the runbook', () => {
    // GitHub's anchors of headings.
    expect(annotations.runbook_url).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
    for (const word of ['Means', 'Hurts', 'Look', 'Mend', 'After'])
      expect(sections.get(alert)).toContain(`\n**${word}:**`);
  });
});

test('the runbook and the cases have no others', () => {
  const names = alerts.map(({ alert }) => alert);
  expect([...sections.keys()]).toEqual(names);
  expect([...new Set(cases.map(({ alertname }) => alertname))].toSorted()).toEqual(names.toSorted());
});

test('links within the runbook lead somewhere', () => {
  const anchors = [...sections.values()].join().matchAll(/\]\(#(.+?)\)/g);
  const known = [...sections.keys()].map((name) => name.toLowerCase());
  expect([...anchors].map(([, anchor]) => anchor).filter((anchor) => !known.includes(anchor ?? ''))).toEqual(
    [],
  );
});

test('the Prometheus Operator is given the same rules: npm run rules', () => {
  expect(readFileSync('knative/monitoring/prometheus-rule.yaml', 'utf8')).toBe(prometheusRule(rules));
});
