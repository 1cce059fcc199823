/** OpenBao over TLS, with a certificate of a private authority that is replaced while the function runs. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { createAuthority } from '../../stack/certificates.ts';
import { replaceFile } from '../../stack/replace-file.ts';
import { createPod, environmentOf, podWith } from '../support/pods.ts';
import { databaseUri, whoAmI } from '../support/postgres.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { startSecondStack } from '../support/second-stack.ts';

const stack = await startSecondStack({ vault: { tls: true } });
const caFile = v.parse(v.string(), stack.description.vault.caFile);
const pod = () => podWith({ role: 'gule-rw' });

/** Five pods at once: more connections to OpenBao than are open already. */
async function createPods(): Promise<void> {
  const creations = Array.from({ length: 5 }, () => createPod(pod(), '', stack.kubernetes));
  for (const created of await Promise.all(creations)) {
    const { DBUSER = '', DBPASSWORD = '' } = environmentOf(created);
    const { loggedInAs } = await whoAmI(databaseUri(DBUSER, DBPASSWORD, stack.description.databaseUrl));
    expect(loggedInAs).toBe(DBUSER);
  }
}

describe('an admission function whose Vault speaks TLS', () => {
  test('trusts the authority in vaultCaFile', async () => {
    expect(stack.description.vault.address).toMatch(/^https:/);
    await createPods();
  });

  test('goes on when authority and certificate are replaced, and when OpenBao is started again', async () => {
    const next = await createAuthority('next');
    await stack.vaultFaults.useCertificate(await next.issue({ commonName: 'vault' }));
    await replaceFile(caFile, next.certificate);
    await createPods();
    await stack.control.stop('openbao');
    await stack.control.start('openbao');
    await createPods();
  });

  test('goes on while both authorities stand in the file, one after the other in use', async () => {
    const [old, next] = [await readFile(caFile, 'utf8'), await createAuthority('after next')];
    await replaceFile(caFile, `${old}\n${next.certificate}`);
    await createPods();
    await stack.vaultFaults.useCertificate(await next.issue({ commonName: 'vault' }));
    await createPods();
  });
});

describe('an admission function that is given another authority', () => {
  test('denies, says so, and admits as soon as the file holds the right one', async () => {
    const right = await readFile(caFile, 'utf8');
    const wrongFile = join(stack.description.functions.folder, 'wrong-ca.crt');
    await writeFile(wrongFile, (await createAuthority('nobody knows')).certificate);
    const overrides = { vaultCaFile: wrongFile };
    const { url, path } = await stack.startFunction({ name: 'admission', overrides, until: 'healthy' });
    const admission = { url, path, ca: stack.authority.certificate };

    const denial = await ask(admission, reviewOf(pod()));
    expect(denial).toMatchObject({ allowed: false, code: 503 });
    expect(denial.message).toMatch(/: Vault's TLS certificate is not trusted \([A-Z_]+\); see vaultCaFile$/);

    await replaceFile(wrongFile, right);
    expect((await ask(admission, reviewOf(pod()))).allowed).toBe(true);
  });

  test('or a file that is not there: denies and names it', async () => {
    const overrides = { vaultCaFile: '/nowhere/ca.crt' };
    const { url, path } = await stack.startFunction({ name: 'admission', overrides, until: 'healthy' });
    const { allowed, message } = await ask({ url, path, ca: stack.authority.certificate }, reviewOf(pod()));
    expect(allowed).toBe(false);
    expect(message).toMatch(/: the file of vaultCaFile \(\/nowhere\/ca\.crt\) cannot be read$/);
  });
});
