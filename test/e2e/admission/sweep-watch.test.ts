/** Admissions notice that the renewal job has stopped, from what its last good sweep left in the KV engine. */
import * as v from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import { injectorRole, secretName } from '../../stack/vault/names.ts';
import { startAdmission } from '../support/admission-function.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { answering, beforehand, gate } from '../support/faults.ts';
import { podWith, uuidsOf } from '../support/pods.ts';
import { ask, patched, reviewOf } from '../support/reviews.ts';
import { stack } from '../support/stack.ts';

/** Its own, so that no other function reads of these sweeps. */
const vaultSecretPrefix = 'watched-cluster';
const MINUTE = 60_000;
const lease = 3600;
let proxy: FaultProxy;

beforeEach(async () => {
  proxy = await startFaultProxy();
  await Promise.all(
    [0, 1].map((shard) => stack.vault.call('DELETE', `${pathOf(shard).replace('/data/', '/metadata/')}`)),
  );
});

const pathOf = (shard: number) => `${secretName}/data/${vaultSecretPrefix}-sweep/last-${shard}`;

async function sweptAgo(
  milliseconds: number,
  shard = 0,
  shards = 1,
  shortestLeaseSeconds = lease,
): Promise<void> {
  const last = {
    succeededAt: Date.now() - milliseconds,
    shortestLeaseSeconds,
    clusterId: 'cluster-uid',
    shards,
  };
  await stack.vault.call('POST', pathOf(shard), { data: last });
}

async function admit() {
  const admission = await startAdmission(proxy, { overrides: { vaultSecretPrefix, kubeRole: injectorRole } });
  const pod = podWith({ role: 'gule-rw' });
  const verdict = await ask(admission, reviewOf(pod));
  expect(verdict.message).toBe('');
  return { admission, warnings: verdict.warnings, uuid: uuidsOf(patched(pod, verdict)).join() };
}

const stale = expect.stringMatching(
  /^the renewal job has not succeeded for \d+ s: credentials will expire unless somebody fixes it$/,
);

describe('a pod is admitted', () => {
  test('without a warning where there has never been a sweep', async () => {
    expect((await admit()).warnings).toEqual([]);
  });

  test('without a warning while sweeps succeed', async () => {
    await sweptAgo(29 * MINUTE);
    expect((await admit()).warnings).toEqual([]);
  });

  test('with a warning once half of the shortest lease has gone by since the last one', async () => {
    await sweptAgo(31 * MINUTE);
    expect((await admit()).warnings).toEqual([stale]);
  });

  test('with a warning where one of two shards has stopped', async () => {
    await sweptAgo(MINUTE, 0, 2);
    await sweptAgo(31 * MINUTE, 1, 2);
    expect((await admit()).warnings).toEqual([stale]);
  });

  test('without a warning where there was nothing to keep alive', async () => {
    await sweptAgo(600 * MINUTE, 0, 1, 0);
    expect((await admit()).warnings).toEqual([]);
  });

  test('and recorded without an identity that nobody configured: the sweep could be another cluster’s', async () => {
    await sweptAgo(MINUTE);
    const { uuid } = await admit();
    const Record = v.object({ data: v.object({ data: v.record(v.string(), v.unknown()) }) });
    const answer = await stack.vault.call('GET', `${secretName}/data/${vaultSecretPrefix}/${uuid}`);
    expect(v.parse(Record, answer).data.data).not.toHaveProperty('ClusterId');
  });
});

describe('what the last sweep left cannot be read', () => {
  test('because Vault refuses it: the pod gets its credentials all the same, and the log says so', async () => {
    await sweptAgo(31 * MINUTE);
    proxy.fail('last sweep', answering(400, '{"errors":["no"]}'));
    const { admission, warnings } = await admit();
    expect(warnings).toEqual([]);
    expect(await admission.log()).toContain("the last sweep's time could not be read");
  });

  test('because Vault does not answer: likewise, and it is not waited for very long', async () => {
    const released = gate();
    proxy.fail(
      'last sweep',
      beforehand(() => released.opened),
    );
    expect((await admit()).warnings).toEqual([]);
    released.open();
  });
});
