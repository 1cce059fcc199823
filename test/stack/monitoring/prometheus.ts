/** A real Prometheus that scrapes what it is told to, and evaluates the project's alerts. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { stringify } from 'yaml';
import { request, requestJson } from '../http.ts';
import { findOrInstall } from '../install/index.ts';
import { projectRoot } from '../paths.ts';
import { freePort } from '../process/ports.ts';
import type { Processes } from '../process/processes.ts';
import { until } from '../wait.ts';
import { hurried } from './hurried.ts';

type ScrapeTarget = {
  /** The label `job` of what is scraped there. */
  job: string;
  /** `http(s)://host:port`; read at /metrics. */
  url: string;
  /** Whether labels that come with the metrics stand, `job` among them: a Pushgateway's do. */
  honorLabels?: boolean;
  /** PEM file of the authority of its certificate, where it is https. */
  caFile?: string;
};

export type Prometheus = { url: string; stop(): Promise<void> };

type PrometheusOptions = {
  folder: string;
  targets: readonly ScrapeTarget[];
  /** Time between two scrapes, and two evaluations of the rules. */
  intervalSeconds?: number;
  /** How much faster the alerts' clock runs, see hurried.ts. */
  hurry?: number;
};

const scrapeConfig = ({ job, url, honorLabels = true, caFile }: ScrapeTarget): object => {
  const { protocol, host } = new URL(url);
  return {
    job_name: job,
    scheme: protocol.slice(0, -1),
    honor_labels: honorLabels,
    static_configs: [{ targets: [host] }],
    ...(caFile === undefined ? {} : { tls_config: { ca_file: caFile } }),
  };
};

const configuration = (targets: readonly ScrapeTarget[], intervalSeconds: number): object => ({
  global: { scrape_interval: `${intervalSeconds}s`, evaluation_interval: `${intervalSeconds}s` },
  rule_files: ['rules.yaml'],
  scrape_configs: targets.map(scrapeConfig),
});

const Targets = v.object({
  data: v.object({ activeTargets: v.array(v.object({ health: v.string(), lastError: v.string() })) }),
});

/** Done when each target was scraped once. */
export const startPrometheus = async (
  processes: Processes,
  { folder, targets, intervalSeconds = 1, hurry = 1 }: PrometheusOptions,
): Promise<Prometheus> => {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'prometheus.yaml');
  await writeFile(file, stringify(configuration(targets, intervalSeconds)));
  const rules = await readFile(join(projectRoot, 'knative/monitoring/rules.yaml'), 'utf8');
  await writeFile(join(folder, 'rules.yaml'), hurried(rules, hurry));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const part = await processes.start('server', {
    name: 'prometheus',
    command: await findOrInstall('prometheus', () => {}),
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    address: url,
    logFile: join(folder, 'prometheus.log'),
    ready: async () => (await request(`${url}/-/ready`)).status === 200,
  });
  await until('all targets are scraped', async () => {
    const { activeTargets } = v.parse(Targets, await requestJson(`${url}/api/v1/targets`)).data;
    const down = activeTargets.find(({ health }) => health === 'down');
    if (down) throw new Error(`a target cannot be scraped: ${down.lastError}`);
    return activeTargets.length === targets.length && activeTargets.every(({ health }) => health === 'up');
  });
  return { url, stop: part.stop };
};
