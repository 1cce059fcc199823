/** All that each process does in Vault, once, as far as its policy could stand in its way. */

import { expect } from 'vitest';
import { rewriteAll, surveyLedger } from '../../../cli/migrate/ledger.ts';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { createVault } from '../../../shared/vault/index.ts';
import { query } from '../../stack/postgres.ts';
import { secretName } from '../../stack/vault/names.ts';
import type { ProcessPolicy } from '../../stack/vault/policies.ts';
import { addAppRole, addPolicy } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { startAdmission } from './admission-function.ts';
import { addAppRoleOf, createAppRolePod, startAppRole, startInitContainer, tell } from './approles.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { afterwards, cutAfter, gate } from './faults.ts';
import { configurationWith, type Given, type Keys } from './fleet.ts';
import { deletePod, usersLeft } from './fleet-state.ts';
import { podWith, uuidsOf } from './pods.ts';
import { databaseUri } from './postgres.ts';
import type { StrictFleet } from './process-policies.ts';
import { ask, patched, reviewOf } from './reviews.ts';
import { dataOf, send, startRevocation } from './revoking.ts';
import { stack } from './stack.ts';
import { HOUR, sweepIn } from './sweeping.ts';

/** One whose tokens may revoke their own leases, and one whose may not. */
export const roles = ['strict-owner-rw', 'strict-bare-rw'] as const;
const [owner, bare] = roles;
/** Configuration of the fleets that do the jobs, with everything that needs a capability. */
export const jobKeys = { maxGrantsPerRole: 100 };

// Acts as itself, so that what it makes is its own, and stands in the way of dropping it.
const creationStatements = [
  `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE "demo-rw";`,
];

export async function addRoles(): Promise<void> {
  for (const name of roles) await addAppRole(stack.vault, { name, creationStatements });
  await addPolicy(stack.vault, bare, `path "pgsql2-dv/creds/${bare}" { capabilities = ["read"] }`);
}

/** Login, its renewal and its end, by a clock that is set forward. */
async function wholeLogin(keys: Keys, process: 'admission' | 'revocation' | 'approle') {
  let now = 0;
  const logins: string[] = [];
  const { vault: options } = configurationWith(keys, process);
  const vault = createVault(
    options,
    () => now,
    (outcome) => void logins.push(outcome),
  );
  const deadline = () => deadlineIn(5_000, () => now);
  await vault.session.ready(deadline());
  now = 1_800_000;
  await vault.session.ready(deadline());
  await until('the login is renewed', () => logins.length === 2);
  expect(logins).toEqual(['success', 'success']);
  await vault.session.close(deadline());
  vault.close();
}

async function admissionJob(strict: StrictFleet): Promise<void> {
  const { fleet, ledgerPrefix } = strict;
  const labels = { [fleet.label]: 'true' };
  const staleSweep = {
    succeededAt: Date.now() - HOUR,
    shortestLeaseSeconds: 3600,
    clusterId: 'any',
    shards: 1,
  };
  for (const folder of ['', '/named']) {
    const path = `${secretName}/data/${ledgerPrefix}-sweep${folder}/last-0`;
    await stack.vault.call('POST', path, { data: staleSweep });
  }
  for (const clusterId of [undefined, 'named']) {
    const proxy = await startFaultProxy();
    const overrides = { ...strict.keysOf('admission'), ...(clusterId && { clusterId }) };
    const admission = await startAdmission(proxy, { overrides });
    const pod = podWith({ role: owner }, { labels });
    const dry = await ask(admission, reviewOf(pod, { dryRun: true }));
    expect([dry.message, proxy.count('token')]).toEqual(['', 0]);
    const verdict = await ask(admission, reviewOf(pod));
    expect(verdict).toMatchObject({ allowed: true, warnings: [expect.stringMatching(/^the renewal job/)] });
    expect(await fleet.records()).toEqual(expect.arrayContaining(uuidsOf(patched(pod, verdict))));
    await undoes(admission, proxy, labels);
    proxy.fail('record', cutAfter);
    expect((await ask(admission, reviewOf(podWith({ role: bare }, { labels })))).message).toBe('');
    expect(proxy.count('record')).toBe(4);
    proxy.fail('slot', cutAfter);
    expect((await ask(admission, reviewOf(podWith({ role: bare }, { labels })))).message).toBe('');
    await admission.stop();
    expect(await admission.log()).not.toContain('vault_denied');
  }
  expect(await fleet.records()).toHaveLength(6);
  await wholeLogin(strict.keysOf('admission'), 'admission');
}

/** One of two databases fails when the other is recorded already. */
async function undoes(
  admission: Awaited<ReturnType<typeof startAdmission>>,
  proxy: FaultProxy,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const recorded = gate();
  proxy.failWhere('record', /data/, afterwards(recorded.open));
  proxy.failWhere('credentials', new RegExp(bare), async (exchange) => {
    await recorded.opened;
    exchange.reply({ status: 400, body: '{"errors":["no"]}' });
  });
  const two = { 'a.role': owner, 'b.role': bare, 'b.env-key-dbuser': 'B', 'b.env-key-dbpassword': 'P' };
  expect((await ask(admission, reviewOf(podWith(two, { labels })))).allowed).toBe(false);
  await until('both are revoked', () => proxy.count('revoke') === 2);
  await until('both slots are given back', () => proxy.count('slot given back') === 2);
  await proxy.settled();
}

/** What a record may refer to its token by. */
const references = ['token', 'accessor'] as const;
type Reference = (typeof references)[number];

const tableOf = ({ uuid }: Given) => `"table of ${uuid}"`;

async function podThatLeavesATable({ fleet }: StrictFleet, tokenReference: Reference): Promise<Given> {
  const pod = await fleet.pod({ role: owner, tokenReference });
  await query(databaseUri(pod.user, pod.password), `CREATE TABLE ${tableOf(pod)} (id int)`);
  await deletePod(pod);
  return pod;
}

const dropTable = (pod: Given) => query(stack.description.databaseUrl, `DROP TABLE ${tableOf(pod)}`);

/** Later than half of a token's period. */
const LATER = 17 * 24 * HOUR;

async function renewalJob(strict: StrictFleet): Promise<void> {
  const { fleet, ledgerPrefix } = strict;
  let keys = strict.keysOf('renewal');
  let later = LATER;
  const sweepNext = async () => {
    later += HOUR;
    const { code, report, log } = await sweepIn(later, fleet, { keys });
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
    return [code, report.renewed, report.revoked, report.pending];
  };
  for (const tokenReference of references) await fleet.pod({ role: owner, tokenReference });
  expect(await sweepNext()).toEqual([0, 2, 0, 0]);
  expect(await sweepNext()).toEqual([0, 2, 0, 0]);
  // What is left of a memory without its head is overwritten.
  await stack.vault.call('DELETE', `${secretName}/metadata/${ledgerPrefix}-sweep/index-0-of-1`);
  expect(await sweepNext()).toEqual([0, 2, 0, 0]);
  for (const role of roles)
    for (const tokenReference of references) await deletePod(await fleet.pod({ role, tokenReference }));
  expect(await sweepNext()).toEqual([0, 2, 4, 0]);
  const stuck = await Promise.all(references.map((reference) => podThatLeavesATable(strict, reference)));
  expect(await sweepNext()).toEqual([0, 2, 0, 2]);
  for (const pod of stuck) await dropTable(pod);
  expect(await sweepNext()).toEqual([0, 2, 2, 0]);
  await migrates(strict);
  expect(await sweepNext()).toEqual([0, 2, 0, 0]);
  const slots = `${secretName}/metadata/${ledgerPrefix}-held/team-infrastructure/pgsql2-dv/${owner}`;
  for (const uuid of await fleet.records()) await stack.vault.call('DELETE', `${slots}/${uuid}`);
  const proxy = await startFaultProxy();
  proxy.fail('slot', cutAfter);
  keys = { ...keys, vaultAddress: proxy.url };
  expect(await sweepNext()).toEqual([0, 2, 0, 0]);
  expect(proxy.count('slot')).toBe(3);
  expect([(await fleet.records()).length, (await usersLeft(fleet)).length]).toEqual([2, 2]);
  const { code, log } = await stack.sweep({ overrides: keys });
  expect([code, log]).toEqual([0, expect.not.stringContaining('vault_denied')]);
}

/** Also what may not look itself up, since its policy is not its own any more. */
async function migrates(strict: StrictFleet): Promise<void> {
  const { vault: options } = configurationWith(strict.keysOf('renewal'), 'renewal');
  const vault = createVault(options, monotonicClock, () => {});
  const newDeadline = () => deadlineIn(5_000, monotonicClock);
  const lookUp = async () => undefined;
  const accessors = { ...vault.accessors, lookUp };
  const parts = { ...vault, accessors, clusterId: 'any', newDeadline, onProgress: () => {} };
  const { withToken, withAccessor } = await surveyLedger(parts);
  expect([withToken.length, withAccessor]).toEqual([1, 1]);
  expect([...(await rewriteAll(withToken, parts)).values()]).toEqual(['rewritten']);
  await vault.session.close(newDeadline());
  vault.close();
}

async function revocationJob(strict: StrictFleet): Promise<void> {
  const { fleet } = strict;
  const revocation = await startRevocation(fleet, strict.keysOf('revocation'));
  for (const role of roles) {
    for (const tokenReference of references) {
      const pod = await fleet.pod({ role, tokenReference });
      await deletePod(pod);
      expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
    }
  }
  expect([await fleet.records(), await usersLeft(fleet)]).toEqual([[], []]);
  const stuck = await Promise.all(references.map((reference) => podThatLeavesATable(strict, reference)));
  for (const pod of stuck) {
    expect((await send(revocation, { data: dataOf(pod) })).status).toBe(204);
    expect(await fleet.record(pod.uuid)).toHaveProperty('RevokingSince');
  }
  expect(await revocation.outcomes()).toEqual({ revoked: 4, pending: 2 });
  await revocation.stop();
  const revoked = (await revocation.log()).filter(({ msg }) => msg === 'grant revoked');
  // Those with accessors at once, and with proof: a lease that has to be looked up costs more.
  expect([revoked[1]?.['vaultCalls'], revoked[3]?.['vaultCalls']]).toEqual([5, 5]);
  expect(JSON.stringify(await revocation.log())).not.toContain('vault_denied');
  for (const pod of stuck) await dropTable(pod);
  await wholeLogin(strict.keysOf('revocation'), 'revocation');
}

async function appRoleJob(strict: StrictFleet): Promise<void> {
  const keys = strict.keysOf('approle');
  const role = await addAppRoleOf('strict-app');
  const pod = await createAppRolePod({ role: role.name });
  const init = await startInitContainer(pod, role.roleId);
  await pod.says({ state: 'running' });
  const approle = await startAppRole(keys);
  try {
    expect(await tell(approle, pod)).toBe(204);
    expect(await init.exited).toBe(0);
  } finally {
    await Promise.all([approle.stop(), init.stop(), pod.remove()]);
  }
  expect(await approle.log()).not.toContain('vault_denied');
  await wholeLogin(keys, 'approle');
}

type Asked = Exclude<ProcessPolicy, 'approle'>;

/** What doctor asks for in its name. */
async function looksAtItself(strict: StrictFleet, name: Asked): Promise<void> {
  const { vault: options } = configurationWith(strict.keysOf(name), name);
  const vault = createVault(options, monotonicClock, () => {});
  using deadline = deadlineIn(5_000, monotonicClock);
  // One path only: what it may do on the others, the job shows by doing it.
  await vault.inspection.capabilities(['sys/capabilities-self'], { deadline, vaultCalls: 0 });
  await vault.session.close(deadline);
  vault.close();
}

const withItself =
  (name: Asked, job: (strict: StrictFleet) => Promise<void>) => async (strict: StrictFleet) => {
    await looksAtItself(strict, name);
    await job(strict);
  };

/** @throws where something could not be done. */
export const jobs: Readonly<Record<ProcessPolicy, (strict: StrictFleet) => Promise<void>>> = {
  admission: withItself('admission', admissionJob),
  renewal: withItself('renewal', renewalJob),
  revocation: withItself('revocation', revocationJob),
  approle: appRoleJob,
};
