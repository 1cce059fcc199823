/** What the API server counts when it cannot reach the webhook: the alert VaultInjectorWebhookUnreachable counts on it. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freePort } from '../../stack/process/ports.ts';
import { parseMetrics } from '../support/metrics.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

const METRIC = 'apiserver_admission_webhook_rejection_count';

async function unreachable(): Promise<number> {
  const { body } = await stack.kubernetes.ask('GET', '/metrics');
  const series = Object.entries(parseMetrics(body)).filter(
    ([name]) =>
      name.startsWith(METRIC) &&
      name.includes('name="vault-db-injector.numberly.io"') &&
      name.includes('error_type="calling_webhook_error"'),
  );
  return series.reduce((sum, [, value]) => sum + value, 0);
}

test('a pod that is refused since nobody answers is counted under the names that the alert asks for', async () => {
  const before = await unreachable();
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `refused-${randomUUID()}`, labels: { 'vault-db-injector': 'true' } },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  };
  await stack.pointWebhook(`https://127.0.0.1:${await freePort()}`);
  try {
    await expect
      .poll(
        async () => {
          const { status } = await stack.kubernetes.ask(
            'POST',
            `/api/v1/namespaces/${exampleNamespace}/pods?dryRun=All`,
            pod,
          );
          return [status, (await unreachable()) > before];
        },
        { timeout: 20_000 },
      )
      .toEqual([500, true]);
  } finally {
    await stack.restoreWebhook();
  }
  const rules = readFileSync('knative/monitoring/rules.yaml', 'utf8');
  expect(rules).toContain(
    `${METRIC}{name="vault-db-injector.numberly.io", error_type="calling_webhook_error"}`,
  );
});
