/** An admission that cannot be finished, or that nobody waits for, is undone to the last grant. */
import { request } from 'node:https';
import { describe, expect, test } from 'vitest';
import { addAppRole } from '../../stack/vault/roles.ts';
import { until } from '../../stack/wait.ts';
import { startAdmission } from '../support/admission-function.ts';
import { admissionBehindProxy } from '../support/behind-proxy.ts';
import { expectNothingNewSince, NOTHING, newSince, takeCensus } from '../support/census.ts';
import type { Step } from '../support/fault-proxy.ts';
import { afterwards, answering, badGateway, beforehand, cutAfter, gate } from '../support/faults.ts';
import { parseMetrics } from '../support/metrics.ts';
import { podWith, uuidsOf } from '../support/pods.ts';
import { ask, patched, reviewOf } from '../support/reviews.ts';
import { authority, stack } from '../support/stack.ts';

const { proxy, admission, census } = await admissionBehindProxy();

const one = { role: 'gule-rw' };
const two = {
  'a.role': 'gule-rw',
  'b.role': 'other-rw',
  'b.env-key-dbuser': 'B',
  'b.env-key-dbpassword': 'P',
};

describe('one of two databases fails', () => {
  const rows = [
    ['when the other has its token', 'credentials', /gule-rw/, beforehand],
    ['when the other has its credentials', 'credentials', /gule-rw/, afterwards],
    ['when the other is recorded already', 'record', /data/, afterwards],
  ] as const;

  test.each(rows)('%s: the other is revoked', async (_, step, path, when) => {
    const other = gate();
    proxy.failWhere(step, path, when(other.open));
    proxy.failWhere('credentials', /other-rw/, async (exchange) => {
      await other.opened;
      exchange.reply({ status: 400, body: '{"errors":["unknown role: other-rw"]}' });
    });
    const verdict = await ask(admission, reviewOf(podWith(two)));
    expect(verdict).toMatchObject({ allowed: false, code: 500, operations: [] });
    expect(verdict.message).toContain('unknown role: other-rw');
    expect(proxy.count('revoke')).toBe(2);
    await expectNothingNewSince(census.atFirst);
  });
});

describe('undoing', () => {
  test('goes on after the denial, until Vault is there again', async () => {
    proxy.fail('record', answering(400));
    proxy.fail('revoke', badGateway, 4);
    proxy.fail('forget', badGateway, 2);
    const verdict = await ask(admission, reviewOf(podWith(one)));
    expect(verdict.allowed).toBe(false);
    await expectNothingNewSince(census.atFirst);
    expect([proxy.count('revoke'), proxy.count('forget')]).toEqual([5, 3]);
  });

  test('that Vault refuses is logged and counted; what is recorded stays, for the sweep', async () => {
    proxy.fail('record', cutAfter, Number.POSITIVE_INFINITY);
    proxy.fail('revoke', answering(400), Number.POSITIVE_INFINITY);
    const verdict = await ask(admission, reviewOf(podWith(one)), '1s');
    expect(verdict.allowed).toBe(false);
    const left = await newSince(census.atFirst);
    expect([left.tokens.length, left.leases.length, left.records.length]).toEqual([1, 1, 1]);
    expect(await admission.log()).toContain('a grant of a denied pod could not be undone');
    const { body } = await admission.get('/metrics');
    expect(
      parseMetrics(body)['vault_injector_revoke_token_count_error{namespace="team-infrastructure"}'],
    ).toBe(1);
  });
});

describe('credentials that PostgreSQL takes longer for than there is time', () => {
  test('are gone soon after it has made them', async () => {
    await addAppRole(stack.vault, {
      name: 'slow',
      creationStatements: [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'`, 'SELECT pg_sleep(1.5)'],
    });
    const before = await takeCensus();
    const verdict = await ask(admission, reviewOf(podWith({ role: 'slow' })), '1s');
    expect(verdict.message).toMatch(
      /: Vault did not issue credentials of role "slow" at "pgsql2-dv" in time$/,
    );
    await until('its token is revoked', () => proxy.count('revoke') === 1);
    await proxy.settled();
    await expectNothingNewSince(before);
  });
});

describe('a record that is written twice because its answer was lost', () => {
  test('is one record', async () => {
    proxy.fail('record', cutAfter);
    const pod = podWith(one);
    const verdict = await ask(admission, reviewOf(pod));
    expect(proxy.count('record')).toBe(2);
    expect((await newSince(census.atFirst)).records).toEqual(uuidsOf(patched(pod, verdict)));
  });
});

describe('an admission with too little time', () => {
  test('is denied before anything is created', async () => {
    await ask(admission, reviewOf(podWith(one), { dryRun: true }));
    const { allowed, code, message } = await ask(admission, reviewOf(podWith(one)), '100ms');
    expect({ allowed, code }).toEqual({ allowed: false, code: 504 });
    expect(message).toMatch(/: not enough time is left to get credentials from Vault; try again$/);
    expect(proxy.count('token')).toBe(0);
    expect(await newSince(census.atFirst)).toEqual(NOTHING);
  });

  test('because Vault took it all to say who may assume the role: likewise', async () => {
    const other = await startAdmission(proxy);
    proxy.heal();
    const held = gate();
    proxy.fail(
      'role',
      beforehand(() => held.opened),
    );
    const verdict = ask(other, reviewOf(podWith(one)), '1s');
    expect((await verdict).message).toMatch(/: Vault did not read the auth role in time$/);
    held.open();
    await proxy.settled();
    expect(proxy.count('token')).toBe(0);
    expect(await newSince(census.atFirst)).toEqual(NOTHING);
  });
});

describe('a client that hangs up', () => {
  test.each<readonly [string, Step]>([
    ['while a token is made', 'token'],
    ['while credentials are issued', 'credentials'],
    ['while the record is written', 'record'],
  ])('%s: what was issued is undone', async (_, step) => {
    const [reached, released] = [gate(), gate()];
    proxy.fail(step, async (exchange) => {
      const answer = await exchange.forward();
      reached.open();
      await released.opened;
      exchange.reply(answer);
    });
    const call = request(`${admission.url}${admission.path}?timeout=30s`, {
      method: 'POST',
      ca: authority,
      agent: false,
    });
    call.on('error', () => {});
    call.end(JSON.stringify(reviewOf(podWith(one))));
    await reached.opened;
    expect((await newSince(census.atFirst)).tokens).toHaveLength(1);
    call.destroy();
    // What Vault is still making can only be undone when it has been made.
    if (step !== 'record') released.open();
    await expectNothingNewSince(census.atFirst);
    released.open();
    await proxy.settled();
    expect(await admission.log()).toContain('the caller hung up');
  });
});
