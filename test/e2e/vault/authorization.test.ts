/** Roles are read often enough, by a clock that the test sets. */

import { beforeEach, describe, expect, test } from 'vitest';
import type { VaultClient } from '../../../shared/vault/index.ts';
import { addAuthRole } from '../../stack/vault/roles.ts';
import { newWork } from '../../support/work.ts';
import { vaultBehind } from '../support/behind-proxy.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { answering } from '../support/faults.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';

const name = 'changing';
const access = { authRole: name, role: name, namespace: exampleNamespace, serviceAccount: exampleAccount };

let proxy: FaultProxy;
let now: number;
let vault: VaultClient;

const allow = (...serviceAccounts: string[]) =>
  addAuthRole(stack.vault, { name, serviceAccounts, namespaces: [exampleNamespace], policies: [name] });
const authorize = (changes: Partial<typeof access> = {}) =>
  vault.authorization.authorize(
    { ...access, ...changes },
    newWork(5_000, () => now),
  );

beforeEach(async () => {
  now = 0;
  proxy = await startFaultProxy();
  vault = vaultBehind(proxy, () => now);
  await allow(exampleAccount);
});

describe('a role', () => {
  test('is read once for the pods of a rollout', async () => {
    expect(await authorize()).toBe(name);
    now = 9_999;
    expect(await authorize()).toBe(name);
    await expect(authorize({ serviceAccount: 'other' })).rejects.toMatchObject({ denial: 'service_account' });
    expect(proxy.count('role')).toBe(1);
  });

  test('that has been changed is obeyed within ten seconds', async () => {
    await authorize();
    await allow('other');
    now = 10_000;
    await expect(authorize()).rejects.toMatchObject({ denial: 'service_account' });
    expect(await authorize({ serviceAccount: 'other' })).toBe(name);
    expect(proxy.count('role')).toBe(2);
  });

  test('that was missing is found as soon as it is there', async () => {
    const missing = { authRole: 'not-yet', role: 'not-yet' };
    await expect(authorize(missing)).rejects.toMatchObject({ denial: 'role' });
    await addAuthRole(stack.vault, {
      name: 'not-yet',
      serviceAccounts: ['*'],
      namespaces: ['*'],
      policies: ['not-yet'],
    });
    expect(await authorize(missing)).toBe('not-yet');
  });

  test("that is the injector's own is not even read", async () => {
    await expect(authorize({ authRole: 'Vault-DB-Injector-Admission' })).rejects.toMatchObject({
      denial: 'reserved_role',
    });
    expect(proxy.total()).toBe(0);
  });

  test.each([
    ['of another shape', answering(200, '{"data":{"bound_service_account_names":"app"}}')],
    ['without data', answering(200, '{}')],
    ['empty', answering(204)],
  ])('in an answer that is %s allows nobody', async (_, fault) => {
    proxy.fail('role', fault);
    await expect(authorize()).rejects.toMatchObject({ code: 'vault_answer_invalid' });
  });
});
