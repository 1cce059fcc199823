/** `tokenReference: accessor`: what the ledger then holds, what it costs, and what it needs. */
import { beforeAll, describe, expect, test } from 'vitest';
import { injectorRole } from '../../stack/vault/names.ts';
import { addAppRole } from '../../stack/vault/roles.ts';
import { configurationFile, run } from '../support/command-line.ts';
import { openFleet } from '../support/fleet.ts';
import { canLogIn, deletePod, usersLeft } from '../support/fleet-state.ts';
import { dumpOf, tokensAmong } from '../support/kv-dump.ts';
import { addRoles, roles } from '../support/policy-jobs.ts';
import { openStrictFleet, type StrictFleet } from '../support/process-policies.ts';
import { dataOf, send, startRevocation } from '../support/revoking.ts';
import { stack } from '../support/stack.ts';
import { HOUR, sweepIn } from '../support/sweeping.ts';

const [owner, bare] = roles;
const broken = 'strict-broken-rw';
/** Later than half of a token's period. */
const LATER = 17 * 24 * HOUR;

beforeAll(async () => {
  await addRoles();
  await addAppRole(stack.vault, { name: broken, creationStatements: ['SELECT oops'] });
});

/** Admitted, renewed, revoked by the sweep, revoked by an event, and denied after its token was made. */
async function story({ fleet, keysOf }: StrictFleet): Promise<void> {
  const kept = await fleet.pods(2, { role: owner });
  await deletePod(await fleet.pod({ role: bare }));
  await expect(fleet.admission({ role: broken })).rejects.toThrow();
  for (const later of [LATER, 2 * LATER]) {
    const { code, report } = await sweepIn(later, fleet, { keys: keysOf('renewal') });
    expect([code, report.renewed, report.failed]).toEqual([0, 2, 0]);
  }
  const deleted = await fleet.pod({ role: owner });
  await deletePod(deleted);
  const revocation = await startRevocation(fleet, keysOf('revocation'));
  expect((await send(revocation, { data: dataOf(deleted) })).status).toBe(204);
  await revocation.says('grant revoked');
  // Reading, lease, token, record: as many as with a token.
  expect(await revocation.log()).toContainEqual(
    expect.objectContaining({ msg: 'grant revoked', vaultCalls: 4 }),
  );
  await revocation.stop();
  expect(await fleet.records()).toHaveLength(2);
  expect((await usersLeft(fleet)).toSorted()).toEqual(kept.map(({ user }) => user).toSorted());
}

describe('a dump of the KV after a whole story', () => {
  test.each([
    ['accessor', 0],
    // So the search finds what there is.
    ['token', 2],
  ] as const)('with "%s" has %d texts that Vault accepts as a token', async (tokenReference, tokens) => {
    const strict = await openStrictFleet({
      keys: { tokenReference },
      applicationPolicies: [...roles, broken],
    });
    await story(strict);
    const { documents, texts } = await dumpOf(strict.ledgerPrefix);
    // Two records, and what the sweep remembers.
    expect(documents).toBeGreaterThanOrEqual(5);
    expect(texts.length).toBeGreaterThan(50);
    expect(await tokensAmong(texts)).toBe(tokens);
  });
});

describe('with the policy of the reference', () => {
  const keys = { kubeRole: injectorRole, tokenReference: 'accessor' } as const;

  test('nothing is renewed or revoked, and each says why', async () => {
    const fleet = await openFleet(keys);
    const pod = await fleet.pod();
    const { code, log } = await sweepIn(LATER, fleet);
    expect(code).toBe(1);
    expect(log).toContainEqual(expect.objectContaining({ level: 'error', code: 'vault_denied' }));
    const config = await configurationFile(fleet.keys);
    const { code: revoked, out } = await run(['revoke', pod.uuid, '--yes', '--config', config]);
    expect([revoked, out]).toEqual([
      1,
      expect.stringContaining(
        'does not allow the injector to revoke a token by its accessor (auth/token/revoke-accessor), which "tokenReference: accessor" needs: apply the policies of knative/vault again, or set "tokenReference: token"',
      ),
    ]);
    expect([await fleet.records(), await canLogIn(pod)]).toEqual([[pod.uuid], true]);
  });

  test('doctor names what is missing, and what mends it', async () => {
    const { code, out } = await run(['doctor', '--config', await configurationFile(keys)]);
    expect(code).toBe(1);
    expect(out).toMatch(/✗ rights of renewal in Vault.*update on auth\/token\/renew-accessor/);
    expect(out).toMatch(/✗ rights of revocation in Vault.*update on auth\/token\/revoke-accessor/);
    const token = await run([
      'doctor',
      '--config',
      await configurationFile({ ...keys, tokenReference: 'token' }),
    ]);
    expect(token.out).not.toContain('accessor');
  });
});
