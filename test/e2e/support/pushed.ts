/** A real Pushgateway for one test file, and what was pushed to it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { request } from '../../stack/http.ts';
import { startPushgateway } from '../../stack/monitoring/pushgateway.ts';
import { stackRoot } from '../../stack/paths.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { parseMetrics, type Samples } from './metrics.ts';

export const monitoringFolder = join(stackRoot, `e2e-pushed-${process.pid}-${process.env['VITEST_POOL_ID']}`);
export const monitoringProcesses = createProcesses();
export const pushgateway = await startPushgateway(monitoringProcesses, monitoringFolder);
afterAll(async () => {
  await monitoringProcesses.stop();
  await rm(monitoringFolder, { recursive: true, force: true });
});

/** What stands there for a job, without the common beginning of the names and the labels that the gateway adds. */
export async function pushed(job: string): Promise<Samples> {
  const all = parseMetrics((await request(`${pushgateway.url}/metrics`)).body);
  const ofJob = Object.entries(all).filter(
    ([name]) => name.startsWith('vault_injector_') && name.includes(`job="${job}"`),
  );
  const plain = (name: string) =>
    name
      .replace('vault_injector_', '')
      .replace(/(?<=[{,])(?:instance|job)="[^"]*",?/g, '')
      .replace(',}', '}')
      .replace('{}', '');
  return Object.fromEntries(ofJob.map(([name, value]) => [plain(name), value]));
}
