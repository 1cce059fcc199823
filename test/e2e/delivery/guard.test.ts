/** What the service accounts of ours may do with Secrets, whoever has taken them over: what admission makes, and no more. */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { request } from '../../stack/http.ts';
import { kubectl } from '../support/kubectl.ts';
import { createPod, podWith, uuidsOf } from '../support/pods.ts';
import { authority, exampleAccount, exampleNamespace, stack } from '../support/stack.ts';

const as = (account: string) => [
  `--as=system:serviceaccount:vault-injector:vault-db-injector-${account}`,
  `--namespace=${exampleNamespace}`,
];
const TYPE = 'vault-db-injector.numberly.io/credentials';
const ours = (changes: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db-creds-try', namespace: exampleNamespace, labels: { [TYPE]: 'true' }, ...metadata },
  type: TYPE,
  immutable: true,
  stringData: { DBUSER: 'x' },
  ...changes,
});
const create = (account: string, secret: object) =>
  kubectl(['create', '--filename=-', ...as(account)], JSON.stringify(secret));
const remove = (account: string, name: string) =>
  kubectl(['delete', 'secret', name, '--wait=false', ...as(account)]);

let name: string;
beforeAll(async () => {
  const secret = { metadata: { name: 'somebody-elses' }, stringData: { password: 'x' } };
  await stack.kubernetes.call('POST', `/api/v1/namespaces/${exampleNamespace}/secrets`, secret);
  name = `db-creds-${uuidsOf(await createPod(podWith({ role: 'gule-rw' })))[0]}`;
});

describe('admission', () => {
  test('makes Secrets of its own, and deletes them', async () => {
    expect(await create('admission', ours())).toMatchObject({ ok: true });
    expect(await remove('admission', 'db-creds-try')).toMatchObject({ ok: true });
  });

  test.each([
    ['of another type', ours({ type: 'Opaque' }), 'keeps to Secrets of its own type and label'],
    ['without its label', ours({}, { labels: {} }), 'keeps to Secrets of its own type and label'],
    ['by another name', ours({}, { name: 'app-tls' }), 'keeps to Secrets of its own type and label'],
    ['that can be changed', ours({ immutable: false }), 'are immutable'],
    [
      'that is a token of a service account',
      ours(
        { type: 'kubernetes.io/service-account-token', stringData: {} },
        { annotations: { 'kubernetes.io/service-account.name': exampleAccount } },
      ),
      'keeps to Secrets of its own type and label',
    ],
  ])('cannot make one %s', async (_, secret, reason) => {
    const { ok, output } = await create('admission', secret);
    expect([ok, output]).toEqual([false, expect.stringContaining(reason)]);
  });
});

test.each(['admission', 'renewal', 'revocation'])(
  '%s deletes nobody else’s, and reads none',
  async (account) => {
    const { ok, output } = await remove(account, 'somebody-elses');
    expect([ok, output]).toEqual([false, expect.stringContaining('keeps to Secrets of its own')]);
    for (const verb of [
      ['get', 'secret', name],
      ['get', 'secrets'],
    ])
      expect((await kubectl([...verb, ...as(account)])).output).toMatch(
        /cannot (?:get|list) resource "secrets"/,
      );
  },
);

describe('renewal', () => {
  /** Not by kubectl, which would read the Secret first. */
  async function patch(change: object, of = name): Promise<{ ok: boolean; output: string }> {
    const { url, adminCertificateFile, adminKeyFile } = stack.description.kubernetes;
    const { status, body } = await request(`${url}/api/v1/namespaces/${exampleNamespace}/secrets/${of}`, {
      method: 'PATCH',
      headers: {
        'content-type': 'application/merge-patch+json',
        'impersonate-user': 'system:serviceaccount:vault-injector:vault-db-injector-renewal',
      },
      body: JSON.stringify(change),
      ca: authority,
      cert: await readFile(adminCertificateFile, 'utf8'),
      key: await readFile(adminKeyFile, 'utf8'),
    });
    return { ok: status === 200, output: body };
  }
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: '0198a3a0-0000-7000-8000-000000000001' };

  test('gives a Secret its owner', async () => {
    expect(await patch({ metadata: { ownerReferences: [owner] } })).toMatchObject({ ok: true });
  });

  test.each([
    ['its labels', { metadata: { labels: { app: 'x' } } }],
    ['its annotations', { metadata: { annotations: { app: 'x' } } }],
    ['its finalizers', { metadata: { ownerReferences: [owner], finalizers: ['example.com/never'] } }],
  ])('changes nothing else: %s', async (_, change) => {
    expect((await patch(change)).output).toContain('change nothing else of them');
  });

  test.each([
    ['nobody', []],
    ['two', [owner, { ...owner, name: 'other', uid: '0198a3a0-0000-7000-8000-000000000002' }]],
    ['one of another kind', [{ ...owner, kind: 'ConfigMap' }]],
    ['one of another API', [{ ...owner, apiVersion: 'example.com/v1' }]],
  ])('gives it one Pod as its owner: not %s', async (_, ownerReferences) => {
    const { ok, output } = await patch({ metadata: { ownerReferences } });
    expect([ok, output]).toEqual([false, expect.stringContaining('is one Pod')]);
  });

  test('gives nobody else’s an owner', async () => {
    const change = { metadata: { ownerReferences: [owner] } };
    expect((await patch(change, 'somebody-elses')).output).toContain('keeps to Secrets of its own');
  });
});

test('whoever else may make and delete Secrets does so as ever', async () => {
  const path = `/api/v1/namespaces/${exampleNamespace}/secrets`;
  await stack.kubernetes.call('POST', path, { metadata: { name: 'passing' } });
  await stack.kubernetes.call('DELETE', `${path}/passing`);
});
