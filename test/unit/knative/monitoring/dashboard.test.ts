/** The dashboard that people import is the one that the code makes. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { dashboard } from '../../../../knative/monitoring/dashboard/dashboard.ts';
import { NAMESPACES, queries, rows } from '../../../../knative/monitoring/dashboard/rows.ts';

const committed = readFileSync('knative/monitoring/dashboard.json', 'utf8');
const Datasource = v.object({ type: v.literal('prometheus'), uid: v.literal('$datasource') });
const Panel = v.variant('type', [
  v.object({ type: v.literal('row'), id: v.number(), title: v.string() }),
  ...(['stat', 'timeseries', 'table'] as const).map((type) =>
    v.object({
      type: v.literal(type),
      id: v.number(),
      title: v.string(),
      description: v.string(),
      datasource: Datasource,
      targets: v.array(v.object({ refId: v.string(), expr: v.string() })),
    }),
  ),
]);
const Variable = v.object({ name: v.string(), query: v.string() });
const Dashboard = v.object({
  templating: v.object({ list: v.array(Variable) }),
  panels: v.array(Panel),
});
const { panels, templating } = v.parse(Dashboard, JSON.parse(committed));

test('it is what the code makes: npm run dashboard', () => {
  expect(committed).toBe(dashboard());
});

test('all rows and panels are in it, each with an id of its own', () => {
  expect(panels.map(({ title }) => title)).toEqual(
    rows.flatMap((row) => [row.title, ...row.panels.map(({ title }) => title)]),
  );
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});

test('it asks what is exported for the tests, and nothing else', () => {
  const asked = panels.flatMap((panel) => ('targets' in panel ? panel.targets.map(({ expr }) => expr) : []));
  expect(asked).toEqual(queries.map(({ expr }) => expr));
  expect(new Set(queries.map(({ place }) => place)).size).toBe(queries.length);
});

test('data source and namespace can be chosen', () => {
  expect(templating.list).toEqual([
    { name: 'datasource', query: 'prometheus' },
    { name: 'namespace', query: `label_values(${NAMESPACES.metric}, ${NAMESPACES.label})` },
  ]);
});
