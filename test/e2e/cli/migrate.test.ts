/** `migrate ledger` over existing grants: what it rewrites, what it leaves, and what goes on meanwhile. */
import { v7 as newUuid, v1 as uuidOfGo } from 'uuid';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rewriteAll } from '../../../cli/migrate/ledger.ts';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { createVault } from '../../../shared/vault/index.ts';
import { secretName } from '../../stack/vault/names.ts';
import { configurationFile, normalised, run, runAtTerminal } from '../support/command-line.ts';
import { configurationWith, type Given, type Keys } from '../support/fleet.ts';
import { canLogIn, usersLeft } from '../support/fleet-state.ts';
import { dumpOf, tokensAmong } from '../support/kv-dump.ts';
import { addRoles, roles } from '../support/policy-jobs.ts';
import { openStrictFleet, type StrictFleet } from '../support/process-policies.ts';
import { stack } from '../support/stack.ts';
import { HOUR, sweepIn } from '../support/sweeping.ts';

const [owner] = roles;
/** Later than half of a token's period. */
const LATER = 17 * 24 * HOUR;
let strict: StrictFleet;
let keys: Keys;

beforeAll(addRoles);
beforeEach(async () => {
  strict = await openStrictFleet({ keys: { tokenReference: 'token' }, applicationPolicies: roles });
  keys = { ...strict.keysOf('renewal'), tokenReference: 'accessor' };
});

const migrate = async (...args: string[]) =>
  run(['migrate', 'ledger', '--config', await configurationFile(keys), ...args]);
const tokensLeft = async () => tokensAmong((await dumpOf(strict.ledgerPrefix)).texts);

async function sweepLater() {
  const { code, report } = await sweepIn(LATER, strict.fleet, { keys });
  return [code, report.renewed, report.revoked];
}

test('every record has its accessor, in all versions; pods go on, are renewed and revoked', async () => {
  const { fleet } = strict;
  const pods = await fleet.pods(3, { role: owner });
  await fleet.pod({ role: owner, tokenReference: 'accessor' });
  // A record with more than one version.
  const [first] = pods;
  if (first) await fleet.write(first.uuid, await fleet.record(first.uuid));
  expect(await tokensLeft()).toBe(3);

  const dry = await migrate('--dry-run');
  expect([dry.code, dry.out]).toEqual([
    0,
    '3 records with a token, 1 with an accessor\n✓ 3 records would be rewritten',
  ]);
  expect(await tokensLeft()).toBe(3);

  const { code, out, err } = await migrate('--yes');
  expect([code, out, err]).toEqual([
    0,
    '3 records with a token, 1 with an accessor\n✓ 3 records rewritten',
    '',
  ]);
  expect(await tokensLeft()).toBe(0);
  expect(await fleet.record(pods[1]?.uuid ?? '')).toMatchObject({
    UserName: pods[1]?.user,
    PodName: pods[1]?.name,
  });

  const again = await migrate('--yes');
  expect([again.code, again.out]).toEqual([0, '0 records with a token, 4 with an accessor']);
  expect(await sweepLater()).toEqual([0, 4, 0]);
  const revoked = await run([
    'revoke',
    first?.uuid ?? '',
    '--yes',
    '--config',
    await configurationFile(keys),
  ]);
  expect([revoked.code, first && (await canLogIn(first))]).toEqual([0, false]);
});

test('what it cannot rewrite it names, and leaves as it is', async () => {
  const { fleet } = strict;
  const [dead, foreign] = await fleet.pods(2, { role: owner });
  if (!dead || !foreign) throw new Error('there are two');
  const { TokenId: token } = await fleet.record(dead.uuid);
  await stack.vault.call('POST', 'auth/token/revoke', { token });
  await fleet.write(foreign.uuid, { ...(await fleet.record(foreign.uuid)), ClusterId: 'another' });
  const nonsense = newUuid();
  await fleet.write(nonsense, { what: 'is this' });
  const { code, out } = await migrate('--yes');
  expect([code, normalised(out).trim().split('\n')]).toEqual([
    1,
    [
      '1 record with a token, 0 with an accessor',
      '1 record of other clusters: left alone',
      '? UUID: not a record, left alone',
      '? UUID: its token is dead, so nobody can use it; the renewal job revokes the grant, or reports it',
      '✓ 0 records rewritten',
    ],
  ]);
  expect(out).not.toContain(token);
  expect((await fleet.record(foreign.uuid)).TokenId).not.toBe('');
});

describe('nothing is rewritten', () => {
  let pod: Given;
  beforeEach(async () => {
    pod = await strict.fleet.pod({ role: owner });
  });
  const untouched = async () => expect((await strict.fleet.record(pod.uuid)).TokenId).not.toBe('');

  test('where the configuration would go on with tokens', async () => {
    keys = { ...keys, tokenReference: 'token' };
    const { code, err } = await migrate('--yes');
    expect([code, err]).toEqual([1, expect.stringContaining('set "tokenReference: accessor" first')]);
    await untouched();
  });

  test('where such records could not be renewed', async () => {
    const policy = `path "${secretName}/*" { capabilities = ["read", "list", "update", "delete"] }`;
    const name = strict.roleOf('renewal');
    const self = 'path "sys/capabilities-self" { capabilities = ["update"] }';
    await stack.vault.call('PUT', `sys/policies/acl/${name}`, { policy: `${policy}\n${self}` });
    const { code, err } = await migrate('--yes');
    expect([code, err]).toEqual([1, expect.stringContaining('update on auth/token/renew-accessor')]);
    expect(err).toContain('run npx vault-db-injector doctor');
    await untouched();
  });

  test('without a yes', async () => {
    const { code, err } = await migrate();
    expect([code, err]).toEqual([1, expect.stringContaining('there is no terminal to ask on')]);
    const args = ['migrate', 'ledger', '--config', await configurationFile(keys)];
    const asked = await runAtTerminal(args, 'n\n');
    expect([asked.code, asked.raw]).toEqual([
      1,
      expect.stringMatching(/No Go injector may read this ledger from then on\.\s+.*Rewrite this record\?/),
    ]);
    await untouched();
  });

  test.each([
    ['made', (fields: object) => [uuidOfGo(), fields] as const],
    [
      'rewritten',
      ({ LeaseId, TokenId, Namespace, PodName }: Record<string, unknown>) =>
        [newUuid(), { LeaseId, TokenId, Namespace, PodName }] as const,
    ],
  ])('where the Go injector has %s one of them, until somebody says that it is gone', async (_, as) => {
    const [uuid, fields] = as(await strict.fleet.record(pod.uuid));
    await strict.fleet.write(uuid, fields);
    const { code, err } = await migrate('--yes');
    expect([code, err]).toEqual([1, expect.stringContaining('--go-injector-gone')]);
    await untouched();
    expect((await migrate('--yes', '--go-injector-gone')).code).toBe(0);
    expect(await tokensLeft()).toBe(0);
  });
});

function directly(changed: (vault: ReturnType<typeof createVault>) => object = () => ({})) {
  const vault = createVault(configurationWith(keys, 'renewal').vault, monotonicClock, () => {});
  const newDeadline = () => deadlineIn(20_000, monotonicClock);
  return { ...vault, clusterId: 'any', newDeadline, onProgress: () => {}, ...changed(vault) };
}

test.each(['before', 'in the middle of', 'after'])(
  'ended %s a write, it does no harm, and the next run goes on',
  async (when) => {
    const { fleet } = strict;
    await fleet.pods(4, { role: owner });
    let written = 0;
    const parts = directly(({ ledger }) => ({
      ledger: {
        ...ledger,
        async replace(...args: Parameters<typeof ledger.replace>) {
          written += 1;
          if (written < 3) return ledger.replace(...args);
          if (when === 'in the middle of') {
            const path = `${secretName}/metadata/${strict.ledgerPrefix}/${args[0]}`;
            await stack.vault.call('POST', path, { max_versions: 1 });
          }
          if (when === 'after') await ledger.replace(...args);
          throw new Error('killed');
        },
      },
    }));
    await expect(rewriteAll(await fleet.records(), parts)).rejects.toThrow('killed');
    expect(await sweepLater()).toEqual([0, 4, 0]);
    expect((await migrate('--yes')).code).toBe(0);
    expect([await tokensLeft(), (await fleet.records()).length]).toEqual([0, 4]);
  },
);

test('sweeps and revocations go on meanwhile: nothing ended comes back, nothing alive is lost', async () => {
  const { fleet } = strict;
  const live = await fleet.pods(12, { role: owner });
  const orphans = await Promise.all(
    Array.from({ length: 12 }, async () => fleet.aged(await fleet.admission({ role: owner }), HOUR)),
  );
  const all = await fleet.records();
  const [outcomes, swept] = await Promise.all([rewriteAll(all, directly()), sweepIn(LATER, fleet, { keys })]);
  const told = [...outcomes.values()];
  expect([told.length, told.filter((outcome) => typeof outcome === 'object')]).toEqual([24, []]);
  expect([swept.code, swept.report.revoked, swept.report.failed]).toEqual([0, 12, 0]);
  expect((await fleet.records()).toSorted()).toEqual(live.map(({ uuid }) => uuid).toSorted());
  expect(await tokensLeft()).toBe(0);
  const left = await usersLeft(fleet);
  expect(orphans.filter(({ user }) => left.includes(user))).toEqual([]);
  expect(await sweepLater()).toEqual([0, expect.any(Number), 0]);
});
