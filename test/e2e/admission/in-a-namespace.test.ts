/** All of it in a namespace of OpenBao's (of Vault Enterprise's), with nothing in the root namespace. */
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { secretName, secretPrefix } from '../../stack/vault/names.ts';
import { createPod, environmentOf, podWith, uuidsOf } from '../support/pods.ts';
import { databaseUri, whoAmI } from '../support/postgres.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { startSecondStack } from '../support/second-stack.ts';

const stack = await startSecondStack({ vault: { namespace: 'platform' } });
const Record = v.object({
  data: v.object({ data: v.looseObject({ LeaseId: v.string(), UserName: v.string() }) }),
});

test('a pod gets its credentials, and its record stands in the ledger of the namespace', async () => {
  const pod = await createPod(podWith({ role: 'gule-rw' }), '', stack.kubernetes);
  const { DBUSER = '', DBPASSWORD = '' } = environmentOf(pod);
  const { loggedInAs } = await whoAmI(databaseUri(DBUSER, DBPASSWORD, stack.description.databaseUrl));
  expect(loggedInAs).toBe(DBUSER);

  const path = `${secretName}/data/${secretPrefix}/${uuidsOf(pod).join()}`;
  const { data } = v.parse(Record, await stack.vault.call('GET', path)).data;
  expect(data.UserName).toBe(DBUSER);
  const { status } = await stack.vault.ask('POST', 'sys/leases/lookup', { lease_id: data.LeaseId });
  expect(status).toBe(200);
});

test('the root namespace has none of it', async () => {
  const mounts = v.parse(
    v.object({ data: v.record(v.string(), v.unknown()) }),
    await stack.rootVault.call('GET', 'sys/mounts'),
  );
  expect(Object.keys(mounts.data)).not.toContain(`${secretName}/`);
  const overrides = { vaultNamespace: null };
  const { url, path } = await stack.startFunction({ name: 'admission', overrides, until: 'healthy' });
  const { allowed, message } = await ask(
    { url, path, ca: stack.authority.certificate },
    reviewOf(podWith({ role: 'gule-rw' })),
  );
  expect(allowed).toBe(false);
  expect(message).toContain(
    'Vault does not let the injector log in with its auth role "vault-db-injector-admission"',
  );
});
