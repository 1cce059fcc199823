/** A deleted pod: Knative's event source tells the revocation function, and its database user is gone. */
import { ok } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '../../stack/postgres.ts';
import { until } from '../../stack/wait.ts';
import { listRecords } from '../ledger.ts';
import { credentialsIn } from '../login.ts';
import { create, readExample } from '../pods.ts';
import { type Demo, type Step, timed } from '../step.ts';

/** The least that the configuration takes. */
const GRACE_SECONDS = 60;

export const revoked: Step = {
  title: "A pod is deleted: Knative's event source tells the revocation function",
  async run(demo) {
    const { narrator } = demo;
    const { pod, uri, user } = await createPod('leaving', demo);
    const { ms } = await timed(async () => {
      await deletePod(pod.namespace, pod.name, demo);
      await until('the database user is gone', async () => !(await userExists(user, demo)));
    });
    narrator.did(`pod ${pod.name} deleted, its database user gone`, ms);
    narrator.did('its credentials are refused; PostgreSQL says:');
    narrator.quote(await refusal(uri));
    await until('its record is gone', async () => !(await listRecords(demo)).includes(pod.uuids[0] ?? ''));
    narrator.did('its record is gone from the ledger');
  },
};

export const waited: Step = {
  title: "A pod is deleted while the revocation function is away: Knative's broker keeps the event",
  async run(demo) {
    const { stack, narrator } = demo;
    const { pod, uri, user } = await createPod('patient', demo);
    await stack.control.suspend('revocation');
    await deletePod(pod.namespace, pod.name, demo);
    ok(await userExists(user, demo), 'the database user is gone, and nobody was there to revoke it');
    narrator.did(`pod ${pod.name} deleted, and nobody there to be told`);
    await stack.control.resume('revocation');
    const { ms } = await timed(() =>
      until('the database user is gone', async () => !(await userExists(user, demo))),
    );
    narrator.did('the function is back, the event came again, the database user is gone', ms);
    narrator.quote(await refusal(uri));
  },
};

export const missed: Step = {
  title: 'A pod is deleted while the event source is down: the next sweep cleans up',
  async run(demo) {
    const { stack, narrator } = demo;
    const { pod, uri, user } = await createPod('unnoticed', demo);
    await stack.control.stop('event-source');
    await deletePod(pod.namespace, pod.name, demo);
    ok(await userExists(user, demo), 'the database user is gone before anybody could know');
    narrator.did(`pod ${pod.name} deleted, and nobody was there to see it`);
    narrator.did('a grant this young could be of a pod that is still being admitted: a minute goes by');
    await sleep(GRACE_SECONDS * 1_000);
    const sweepOnce = async () =>
      (await stack.sweep({ overrides: { gracePeriodSecond: GRACE_SECONDS } })).report['revoked'] === 1;
    const { ms } = await timed(() => until('a sweep has cleaned up', sweepOnce));
    ok(!(await userExists(user, demo)), `the database user ${user} is still there`);
    narrator.did('a sweep revoked the orphaned grant, its database user is gone', ms);
    narrator.quote(await refusal(uri));
    await stack.control.start('event-source');
  },
};

async function createPod(name: string, demo: Demo) {
  const manifest = await readExample('classic.yaml', demo);
  const pod = await create({ ...manifest, metadata: { ...manifest.metadata, name } }, demo);
  return { pod, ...credentialsIn(pod, { user: 'DB_USER', password: 'DB_PASSWORD' }, demo) };
}

async function deletePod(namespace: string, name: string, { stack }: Demo): Promise<void> {
  await stack.kubernetes.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`);
}

async function userExists(user: string, { stack }: Demo): Promise<boolean> {
  return (
    (await query(stack.description.databaseUrl, 'SELECT 1 FROM pg_roles WHERE rolname = $1', [user])).length >
    0
  );
}

async function refusal(uri: string): Promise<string> {
  const answer = await query(uri, 'SELECT 1').then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  ok(answer, 'the credentials still work');
  return answer;
}
