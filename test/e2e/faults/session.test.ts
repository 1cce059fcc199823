/** The function's own login: what happens to it does not happen to the pods. (See also ../vault/session.test.ts.) */

import { copyFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { containerOf } from '../../stack/function.ts';
import { until } from '../../stack/wait.ts';
import { startAdmission } from '../support/admission-function.ts';
import { type Answer, startFaultProxy } from '../support/fault-proxy.ts';
import { afterwards, beforehand, gate } from '../support/faults.ts';
import { podWith } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { stack } from '../support/stack.ts';

const review = () => reviewOf(podWith({ role: 'gule-rw' }));
const LoginAnswer = v.object({ auth: v.object({ client_token: v.string() }) });

describe('a login that somebody else revokes', () => {
  test('is made anew by the next admission', async () => {
    const proxy = await startFaultProxy();
    let token = '';
    const remember = ({ body }: Answer) => {
      token = v.parse(LoginAnswer, JSON.parse(body)).auth.client_token;
    };
    proxy.fail('login', afterwards(remember));
    const admission = await startAdmission(proxy);
    await stack.vault.call('POST', 'auth/token/revoke', { token });
    // One that is only seconds old is not taken to be revoked: then it is the policy that refuses.
    await until('an admission succeeds', async () => (await ask(admission, review())).allowed);
    expect(proxy.count('login')).toBe(2);
    expect((await ask(admission, review())).allowed).toBe(true);
    expect(proxy.count('login')).toBe(2);
  });
});

describe('the service account token that it logs in with', () => {
  test('is read anew for each login, as the kubelet replaces it', async () => {
    const { tokenFile: good } = containerOf(stack.description.functions, 'admission');
    const file = join(dirname(good), `replaced-token-${process.pid}`);
    await writeFile(file, 'not a token');
    const proxy = await startFaultProxy();
    const overrides = { serviceAccountTokenFile: file };
    const admission = await startAdmission(proxy, { overrides, until: 'healthy' });
    const { message } = await ask(admission, review());
    expect(message).toContain(
      `Vault does not let the injector log in with its auth role "vault-db-injector-admission"`,
    );
    await copyFile(good, file);
    expect((await ask(admission, review())).allowed).toBe(true);
  });
});

describe('ten admissions that find no login', () => {
  test('wait for the same one', async () => {
    const proxy = await startFaultProxy();
    const released = gate();
    proxy.fail(
      'login',
      beforehand(() => released.opened),
    );
    const admission = await startAdmission(proxy, { until: 'healthy' });
    const verdicts = Promise.all(Array.from({ length: 10 }, () => ask(admission, review())));
    await until('the login has begun', () => proxy.count('login') === 1);
    released.open();
    expect((await verdicts).map(({ allowed }) => allowed)).toEqual(Array.from({ length: 10 }, () => true));
    expect([proxy.count('login'), proxy.count('token')]).toEqual([1, 10]);
  });
});
