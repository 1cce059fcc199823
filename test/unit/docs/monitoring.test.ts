/** docs/monitoring.md and docs/runbook.md: what they would have one run or apply is there, and is taken. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { findOrInstall } from '../../stack/install/index.ts';

const page = readFileSync('docs/monitoring.md', 'utf8');
const runbook = readFileSync('docs/runbook.md', 'utf8');
const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, block = '']) => block);

const scraping = blocks.find((block) => block.includes('scrape_configs')) ?? '';

test('Prometheus takes the configuration', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  const file = join(folder, 'prometheus.yaml');
  // Debian's Prometheus was built without the discovery of pods.
  const discovery = /kubernetes_sd_configs:.*?(?= {4}relabel_configs)/s;
  expect(scraping).toMatch(discovery);
  await writeFile(file, scraping.replace(discovery, 'static_configs: []\n'));
  await writeFile(join(folder, 'rules.yaml'), readFileSync('knative/monitoring/rules.yaml'));
  const promtool = await findOrInstall('promtool', () => {});
  const { all, exitCode } = await execa(promtool, ['check', 'config', file], { all: true, reject: false });
  expect([exitCode, all]).toEqual([0, expect.stringContaining('SUCCESS')]);
  await rm(folder, { recursive: true });
});

const Relabelling = v.looseObject({
  regex: v.exactOptional(v.string()),
  replacement: v.exactOptional(v.string()),
});
const Endpoint = v.object({ relabelings: v.array(Relabelling) });
const Monitor = v.object({ spec: v.object({ podMetricsEndpoints: v.tuple([Endpoint]) }) });
const Scraping = v.object({
  scrape_configs: v.array(v.object({ relabel_configs: v.optional(v.array(Relabelling), []) })),
});

test('it relabels as the PodMonitor does', () => {
  const monitor = v.parse(Monitor, parse(readFileSync('knative/monitoring/pod-monitor.yaml', 'utf8')));
  const configs = v.parse(Scraping, parse(scraping)).scrape_configs;
  // The operator adds what the others need beside these: labels that it knows of the pod.
  const essential = (rules: readonly v.InferOutput<typeof Relabelling>[]) =>
    rules.flatMap(({ regex, replacement }) => (regex || replacement ? [{ regex, replacement }] : []));
  const wanted = essential(monitor.spec.podMetricsEndpoints[0].relabelings);
  const given = configs.flatMap((one) => essential(one.relabel_configs));
  expect(given).toEqual(wanted);
});

test('the scripts are there', () => {
  const { scripts }: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  );
  const named = [...`${page}\n${runbook}`.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test('the files that they link to are there', () => {
  const links = [...`${page}\n${runbook}`.matchAll(/\]\(([^#)][^)#]*)/g)].map(([, link = '']) => link);
  expect(links.filter((link) => !link.startsWith('https:') && !existsSync(join('docs', link)))).toEqual([]);
});
