/** How an instance starts, says whether it can work, and ends. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import * as v from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { until } from '../../stack/wait.ts';
import { startAdmission } from '../support/admission-function.ts';
import { lookUpAccessor, lookUpToken, readRecord } from '../support/census.ts';
import { type Answer, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { afterwards, answering, beforehand, gate } from '../support/faults.ts';
import { podWith, uuidsOf } from '../support/pods.ts';
import { ask, patched, reviewOf } from '../support/reviews.ts';
import { stack } from '../support/stack.ts';

let proxy: FaultProxy;
beforeEach(async () => {
  proxy = await startFaultProxy();
});

const LoginAnswer = v.object({ auth: v.object({ client_token: v.string() }) });
const tokenIn = ({ body }: Answer) => v.parse(LoginAnswer, JSON.parse(body)).auth.client_token;

/** Keeps the token of each login that passes. */
function watchLogins(): string[] {
  const tokens: string[] = [];
  proxy.fail(
    'login',
    afterwards((answer) => tokens.push(tokenIn(answer))),
    Number.POSITIVE_INFINITY,
  );
  return tokens;
}

describe('an instance', () => {
  test('with a configuration that is not valid does not start, and says all that is wrong with it', async () => {
    const overrides = { vaultAddress: null, logLevel: 'loud', vaultTimeout: 5, keyFile: null };
    const part = await stack.startFunction({ name: 'admission', overrides, until: 'spawned' });
    expect(await part.exited).toBe(1);
    expect(await readFile(part.logFile, 'utf8')).toBe(
      [
        'the configuration is not valid:',
        '  vaultTimeout: is not a known key',
        '  vaultAddress: is missing (or set INJECTOR_VAULT_ADDRESS)',
        '  logLevel: expected debug, info, warn or error',
        '',
      ].join('\n'),
    );
  });

  test('takes its configuration from the environment where that says more', async () => {
    const env = { INJECTOR_INJECTOR_LABEL: 'inject', INJECTOR_DEFAULT_ENGINE: 'pgsql2-dv' };
    const admission = await startAdmission(proxy, { overrides: { defaultEngine: 'nowhere' }, env });
    const verdict = await ask(
      admission,
      reviewOf(podWith({ role: 'gule-rw' }, { labels: { inject: 'true' } })),
    );
    expect(verdict.operations).toHaveLength(2);
    expect((await ask(admission, reviewOf(podWith({ role: 'gule-rw' })))).operations).toEqual([]);
  });

  test('serves plain HTTP where it has no certificate of its own', async () => {
    const admission = await startAdmission(proxy, { overrides: { certFile: null, keyFile: null } });
    expect(admission.url).toMatch(/^http:/);
    expect((await ask(admission, reviewOf(podWith({ role: 'gule-rw' }), { dryRun: true }))).allowed).toBe(
      true,
    );
  });
});

describe('/readyz', () => {
  test('is false while Vault does not let the instance log in; /healthz is true all the same', async () => {
    const admission = await startAdmission(proxy, { overrides: { kubeRole: 'nobody' }, until: 'healthy' });
    const { status, body } = await admission.get('/readyz');
    expect([status, body]).toEqual([503, 'not ready\n']);
    expect(await admission.log()).toMatch(
      /not ready: Vault does not let the injector log in with its auth role \\"nobody\\" \(HTTP 400: /,
    );
    expect((await admission.get('/healthz')).status).toBe(200);
  });

  test('is true as soon as Vault does', async () => {
    proxy.fail('login', answering(400, '{"errors":["not yet"]}'), Number.POSITIVE_INFINITY);
    const admission = await startAdmission(proxy, { until: 'healthy' });
    expect((await admission.get('/readyz')).status).toBe(503);
    expect(await admission.log()).toContain('(HTTP 400: not yet)');
    proxy.heal();
    await expect.poll(async () => (await admission.get('/readyz')).status, { timeout: 10_000 }).toBe(200);
    // However often somebody asks.
    expect(proxy.count('login')).toBe(1);
  });
});

describe('SIGTERM', () => {
  test('to an idle instance: the own login is revoked, exit code 0', async () => {
    const logins = watchLogins();
    const admission = await startAdmission(proxy);
    admission.kill('SIGTERM');
    expect(await admission.exited).toBe(0);
    expect(logins).toHaveLength(1);
    expect(await lookUpToken(logins[0] ?? '')).toBeUndefined();
  });

  test('to an instance with a connection on which nobody asks: it does not wait for it', async () => {
    const logins = watchLogins();
    const admission = await startAdmission(proxy);
    const silent = connect(Number(new URL(admission.url).port), '127.0.0.1');
    await once(silent, 'connect');
    const closed = once(silent, 'close');
    admission.kill('SIGTERM');
    expect(await admission.exited).toBe(0);
    await closed;
    expect(await lookUpToken(logins[0] ?? '')).toBeUndefined();
  });

  test('in the middle of an admission: it is finished, then the login is revoked, exit code 0', async () => {
    const logins = watchLogins();
    const admission = await startAdmission(proxy);
    const [reached, released] = [gate(), gate()];
    const underWay = () => {
      reached.open();
      return released.opened;
    };
    proxy.fail('credentials', beforehand(underWay));

    const pod = podWith({ role: 'gule-rw' });
    const verdict = ask(admission, reviewOf(pod), '30s');
    await reached.opened;
    admission.kill('SIGTERM');
    await until('it does not accept any more', async () =>
      request(`${admission.url}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    expect(await lookUpToken(logins[0] ?? '')).toBeDefined();
    released.open();

    const [uuid = ''] = uuidsOf(patched(pod, await verdict));
    expect(await admission.exited).toBe(0);
    expect(await lookUpToken(logins[0] ?? '')).toBeUndefined();
    expect(await lookUpAccessor((await readRecord(uuid)).TokenAccessor)).toBeDefined();
  });
});
