/** Measures the time from a delete event to the dropped database role: the function answers when Vault has proved it. */
import * as v from 'valibot';
import { UUID_ANNOTATION } from '../../shared/annotations.ts';
import type { AttachedStack } from '../stack/index.ts';
import { query } from '../stack/postgres.ts';
import { percentile, report } from './figures.ts';
import { createHttpClient } from './http-client.ts';
import { benchPod } from './pod.ts';

const Pod = v.object({
  metadata: v.object({ name: v.string(), annotations: v.record(v.string(), v.string()) }),
});
const PODS = '/api/v1/namespaces/team-infrastructure/pods';
const ROUNDS = 100;

export async function benchRevocation(stack: AttachedStack): Promise<void> {
  const { kubernetes, environment, description } = stack;
  const client = createHttpClient(environment['REVOCATION_URL'] ?? '');
  const times: number[] = [];
  const roles = async () =>
    (await query(description.databaseUrl, "select 1 from pg_roles where rolname like 'gule-rw-%'")).length;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await roles();
    const pod = v.parse(Pod, await kubernetes.call('POST', PODS, benchPod({ name: `event-${round}` })));
    await kubernetes.call('DELETE', `${PODS}/${pod.metadata.name}?gracePeriodSeconds=0`);
    const event = {
      ...benchPod({ name: pod.metadata.name }),
      metadata: { ...pod.metadata, namespace: 'team-infrastructure' },
    };
    const startedAt = performance.now();
    await client.send('POST', '/', event, headersOf(round));
    times.push(performance.now() - startedAt);
    if ((await roles()) !== before)
      throw new Error(`the database role of ${pod.metadata.annotations[UUID_ANNOTATION]} is still there`);
  }
  report('revocation.event_to_dropped_p50', percentile(times, 0.5), 'ms', '≤ 60');
  report('revocation.event_to_dropped_p99', percentile(times, 0.99), 'ms');
}

function headersOf(round: number): Record<string, string> {
  return {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-type': 'dev.knative.apiserver.resource.delete',
    'ce-source': 'https://bench',
    'ce-id': String(round),
  };
}
