/** The renewal job: a lease whose time runs is renewed, and lasts longer than before. */
import { ok } from 'node:assert/strict';
import * as v from 'valibot';
import { addAppRole } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { leaseOf } from '../ledger.ts';
import { credentialsIn } from '../login.ts';
import { create, readExample } from '../pods.ts';
import { type Demo, type Step, timed } from '../step.ts';

const ROLE = 'short-rw';
const TTL_SECONDS = 20;
const Lease = v.object({ data: v.object({ expire_time: v.string(), ttl: v.number() }) });

export const renewed: Step = {
  title: 'The renewal job keeps a lease alive',
  async run(demo) {
    const { stack, narrator, pods } = demo;
    await addAppRole(stack.vault, { name: ROLE, defaultTtl: TTL_SECONDS });
    const pod = await create(await shortLived(demo), demo);
    const { user } = credentialsIn(pod, { user: 'DB_USER', password: 'DB_PASSWORD' }, demo);
    const lease = await leaseOf(pod.uuids[0] ?? '', demo);
    narrator.did(`pod ${pod.name} has a lease of ${TTL_SECONDS} s; some of it goes by`);
    await until(
      'a part of the lease has gone by',
      async () => (await lookUp(lease, demo)).ttl <= TTL_SECONDS - 3,
    );
    const before = await lookUp(lease, demo);
    const { value: sweep, ms } = await timed(() => stack.sweep());
    const after = await lookUp(lease, demo);
    ok(sweep.code === 0, `the sweep ended with ${sweep.code}: ${sweep.log}`);
    ok(after.expire_time > before.expire_time, `the lease ends at ${after.expire_time}, as before`);
    narrator.did(
      `a sweep: ${sweep.report['live']} grants in use, ${sweep.report['due']} due, ${sweep.report['renewed']} renewed`,
      ms,
    );
    narrator.fact('it ended at', before.expire_time);
    narrator.fact('now ends at', after.expire_time);
    pods.push({ ...pod, users: [user] });
  },
};

async function shortLived(demo: Demo) {
  const pod = await readExample('classic.yaml', demo);
  const annotations = {
    'db-creds-injector.numberly.io/app.role': ROLE,
    'db-creds-injector.numberly.io/app.env-key-dbuser': 'DB_USER',
    'db-creds-injector.numberly.io/app.env-key-dbpassword': 'DB_PASSWORD',
  };
  return { ...pod, metadata: { ...pod.metadata, name: 'short-lived', annotations } };
}

async function lookUp(lease: string, { stack }: Demo) {
  return v.parse(Lease, await stack.vault.call('POST', 'sys/leases/lookup', { lease_id: lease })).data;
}
