/** The real OpenBao is sealed, stopped and halted, before an admission and in the middle of one, and comes back. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../stack/wait.ts';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { type Census, expectNothingNewSince, takeCensus } from '../support/census.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { beforehand } from '../support/faults.ts';
import { createPod, environmentOf, podWith, tryCreatePod } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { stack, admission as stackAdmission } from '../support/stack.ts';

const proxy = await startFaultProxy();
const vault = stack.vaultFaults;
const pod = () => podWith({ role: 'gule-rw' });
let admission: AdmissionFunction;
let atFirst: Census;

beforeAll(async () => {
  admission = await startAdmission(proxy);
});
beforeEach(async () => {
  proxy.heal();
  atFirst = await takeCensus();
});

describe('OpenBao is sealed', () => {
  test('when a pod comes: its owner reads so; unsealed, the next pod gets its credentials', async () => {
    await vault.seal();
    const { refusal } = await tryCreatePod(pod());
    await vault.unseal();
    expect(refusal).toMatch(/denied the request: .*: Vault is sealed; its operator has to unseal it$/);
    await expectNothingNewSince(atFirst);
    expect(environmentOf(await createPod(pod()))['DBUSER']).toMatch(/^gule-rw-/);
  });

  test('when a pod comes and no instance runs: one starts, and its owner reads so', async () => {
    await stack.control.scaleToZero('admission');
    await vault.seal();
    const { refusal } = await tryCreatePod(pod());
    await vault.unseal();
    expect(refusal).toMatch(/denied the request: .*: Vault is sealed; its operator has to unseal it$/);
    await expectNothingNewSince(atFirst);
  });

  test('in the middle of an admission: undone as soon as it is unsealed', async () => {
    proxy.fail('credentials', beforehand(vault.seal));
    const verdict = await ask(admission, reviewOf(pod()), '3s');
    await vault.unseal();
    expect(verdict).toMatchObject({ allowed: false, code: 503 });
    expect(verdict.message).toMatch(/: Vault is sealed; its operator has to unseal it$/);
    await expectNothingNewSince(atFirst);
  });
});

describe('OpenBao is stopped', () => {
  test('when a pod comes: it is denied; started again, the next pod gets its credentials', async () => {
    await stack.control.stop('openbao');
    const { code, message } = await ask(stackAdmission, reviewOf(pod()), '1s');
    await stack.control.start('openbao');
    expect(code).toBe(503);
    expect(message).toMatch(/: Vault cannot be reached \(ECONNREFUSED\)$/);
    await expectNothingNewSince(atFirst);
    expect((await ask(stackAdmission, reviewOf(pod()))).allowed).toBe(true);
  });

  test('in the middle of an admission: undone as soon as it is started again', async () => {
    proxy.fail(
      'record',
      beforehand(() => stack.control.stop('openbao')),
    );
    const verdict = await ask(admission, reviewOf(pod()), '2s');
    await stack.control.start('openbao');
    expect(verdict.allowed).toBe(false);
    expect(verdict.message).toMatch(/: Vault (cannot be reached \(ECONNRESET\)|did not write .* in time)$/);
    await expectNothingNewSince(atFirst);
  });
});

describe('OpenBao is halted', () => {
  test('when a pod comes and no instance runs: its owner reads so before the API server gives up', async () => {
    await stack.control.scaleToZero('admission');
    await stack.control.signal('openbao', 'SIGSTOP');
    const { refusal } = await tryCreatePod(pod());
    await stack.control.signal('openbao', 'SIGCONT');
    expect(refusal).toMatch(/denied the request: .*: Vault did not let the injector log in in time$/);
    await expectNothingNewSince(atFirst);
  });

  test('in the middle of an admission: what it makes when it goes on is revoked', async () => {
    proxy.fail(
      'token',
      beforehand(() => stack.control.signal('openbao', 'SIGSTOP')),
    );
    const verdict = await ask(admission, reviewOf(pod()), '1s');
    await stack.control.signal('openbao', 'SIGCONT');
    expect(verdict).toMatchObject({ allowed: false, code: 504 });
    expect(verdict.message).toMatch(/: Vault did not create a token in time$/);
    await until('the late token is revoked', () => proxy.count('revoke') === 1);
    await expectNothingNewSince(atFirst);
  });
});
