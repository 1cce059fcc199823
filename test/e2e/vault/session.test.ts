/** The login of a process, over its life: real logins to OpenBao, by a clock that the test sets. */

import * as v from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import type { VaultClient } from '../../../shared/vault/index.ts';
import { vaultPath } from '../../../shared/vault/path.ts';
import { newWork } from '../../support/work.ts';
import { vaultBehind } from '../support/behind-proxy.ts';
import { lookUpToken } from '../support/census.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { answering, unavailable } from '../support/faults.ts';
import { stack } from '../support/stack.ts';

const TTL = 3600_000;
const Self = v.object({ data: v.object({ id: v.string(), policies: v.array(v.string()) }) });

let proxy: FaultProxy;
let now: number;
let logins: string[];
let vault: VaultClient;

beforeEach(async () => {
  now = 0;
  logins = [];
  proxy = await startFaultProxy();
  vault = vaultBehind(
    proxy,
    () => now,
    (outcome) => logins.push(outcome),
  );
});

const work = (milliseconds = 5_000) => newWork(milliseconds, () => now);

/** A request with the login's token, which answers with that token. */
async function ownToken(): Promise<string> {
  const path = vaultPath('auth/token/lookup-self');
  const answer = await vault.session.send({ operation: 'look itself up', method: 'GET', path, work: work() });
  return v.parse(Self, answer).data.id;
}

/** Renewals go on beside the request that has begun them. */
const outcomes = (expected: readonly string[]) => expect.poll(() => logins).toEqual(expected);

describe('a login', () => {
  test('is made by the first request, and kept', async () => {
    expect(await ownToken()).toBe(await ownToken());
    expect([proxy.count('login'), proxy.count('renewal')]).toEqual([1, 0]);
  });

  test('is renewed once half of its time is over, beside the requests', async () => {
    const token = await ownToken();
    now = TTL / 2;
    expect(await Promise.all([ownToken(), ownToken()])).toEqual([token, token]);
    await outcomes(['success', 'success']);
    expect([proxy.count('login'), proxy.count('renewal')]).toEqual([1, 1]);
    now = TTL - 1;
    expect(await ownToken()).toBe(token);
    expect([proxy.count('login'), proxy.count('renewal')]).toEqual([1, 1]);
  });

  test('that could not be renewed is renewed with the next request', async () => {
    const token = await ownToken();
    proxy.fail('renewal', answering(400));
    now = TTL / 2;
    await ownToken();
    await outcomes(['success', 'error']);
    expect(await ownToken()).toBe(token);
    await outcomes(['success', 'error', 'success']);
    expect([proxy.count('login'), proxy.count('renewal')]).toEqual([1, 2]);
  });

  test('is made anew when nine tenths of its time are over', async () => {
    const token = await ownToken();
    now = TTL * 0.9;
    const others = await Promise.all([ownToken(), ownToken(), ownToken()]);
    expect(new Set(others).size).toBe(1);
    expect(others).not.toContain(token);
    expect([proxy.count('login'), proxy.count('renewal')]).toEqual([2, 0]);
  });
});

describe('a login that Vault does not know any more', () => {
  test('is made anew, and the request sent again', async () => {
    const token = await ownToken();
    await stack.vault.call('POST', 'auth/token/revoke', { token });
    now = 2_000;
    expect(await ownToken()).not.toBe(token);
    expect(proxy.count('login')).toBe(2);
  });

  test('though it is younger than two seconds is not made anew: it is the policy that refuses', async () => {
    const token = await ownToken();
    await stack.vault.call('POST', 'auth/token/revoke', { token });
    now = 1_999;
    await expect(ownToken()).rejects.toMatchObject({ code: 'vault_denied' });
    expect(proxy.count('login')).toBe(1);
  });

  test('where a new one is refused as well is tried once', async () => {
    await ownToken();
    now = 60_000;
    const path = vaultPath('sys/policies/acl/root');
    const read = { operation: 'read a policy', method: 'GET', path } as const;
    await expect(vault.session.send({ ...read, work: work() })).rejects.toMatchObject({
      code: 'vault_denied',
      message: "Vault's policy does not allow the injector to read a policy",
    });
    expect(proxy.count('login')).toBe(2);
  });
});

describe('a login that does not succeed', () => {
  test('is tried again until the one who waits has no more time, who learns the cause', async () => {
    proxy.fail('login', unavailable, Number.POSITIVE_INFINITY);
    await expect(vault.session.ready(work(300).deadline)).rejects.toMatchObject({
      code: 'vault_unavailable',
      message: 'Vault is not available at the moment (HTTP 503)',
    });
    proxy.heal();
    await vault.session.ready(work().deadline);
    expect(await ownToken()).toBeTruthy();
  });

  test('is not tried again where Vault refuses it', async () => {
    proxy.fail('login', answering(403, '{"errors":["permission denied"]}'));
    await expect(vault.session.ready(work().deadline)).rejects.toMatchObject({ code: 'vault_denied' });
    expect([proxy.count('login'), logins]).toEqual([1, ['error']]);
  });
});

describe('at the end', () => {
  test('the login is revoked', async () => {
    const token = await ownToken();
    await vault.session.close(work().deadline);
    expect(await lookUpToken(token)).toBeUndefined();
    expect(proxy.count('logout')).toBe(1);
  });

  test('nothing is, where there was none', async () => {
    await vault.session.close(work().deadline);
    expect(proxy.total()).toBe(0);
  });
});
