/** What our service accounts may do with Secrets, even in an attacker's hands: what admission creates, and no more. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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
    ['of another type', ours({ type: 'Opaque' }), 'may only use Secrets of its own type and label'],
    ['without its label', ours({}, { labels: {} }), 'may only use Secrets of its own type and label'],
    ['by another name', ours({}, { name: 'app-tls' }), 'may only use Secrets of its own type and label'],
    ['that can be changed', ours({ immutable: false }), 'are immutable'],
    [
      'that is a token of a service account',
      ours(
        { type: 'kubernetes.io/service-account-token', stringData: {} },
        { annotations: { 'kubernetes.io/service-account.name': exampleAccount } },
      ),
      'may only use Secrets of its own type and label',
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
    expect([ok, output]).toEqual([false, expect.stringContaining('may only use Secrets of its own')]);
    for (const verb of [
      ['get', 'secret', name],
      ['get', 'secrets'],
    ])
      expect((await kubectl([...verb, ...as(account)])).output).toMatch(
        /cannot (?:get|list) resource "secrets"/,
      );
  },
);

/** Not by kubectl, which would read the Secret first. */
async function ask(
  method: 'PATCH' | 'DELETE',
  account: string,
  path: string,
  { body, accept = 'application/json' }: { readonly body?: object; readonly accept?: string } = {},
) {
  const { url, adminCertificateFile, adminKeyFile } = stack.description.kubernetes;
  const answer = await request(`${url}/api/v1/namespaces/${exampleNamespace}/secrets${path}`, {
    method,
    headers: {
      accept,
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      'impersonate-user': `system:serviceaccount:vault-injector:vault-db-injector-${account}`,
    },
    ...(body && { body: JSON.stringify(body) }),
    ca: authority,
    cert: await readFile(adminCertificateFile, 'utf8'),
    key: await readFile(adminKeyFile, 'utf8'),
  });
  return { ok: answer.status < 300, status: answer.status, output: answer.body };
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: '0198a3a0-0000-7000-8000-000000000001' };
const owned = { metadata: { ownerReferences: [owner] } };
/** Variants of `ours`. */
const PASSWORD = Buffer.from('x').toString('base64');
const shows = (output: string) => output.includes(`"${PASSWORD}"`);

describe.each(['admission', 'renewal', 'revocation'])(
  '%s is not shown a Secret by the answer to',
  (account) => {
    beforeEach(async () => {
      await create('admission', ours());
    });
    afterEach(async () => {
      await stack.kubernetes.ask('DELETE', `/api/v1/namespaces/${exampleNamespace}/secrets/db-creds-try`);
    });

    test.each([
      ['a deletion in a dry run', '?dryRun=All', 'may not change its Secrets in a dry run'],
      ['one in the foreground', '?propagationPolicy=Foreground', 'may only delete its Secrets immediately'],
      [
        'one in the foreground, in a dry run',
        '?propagationPolicy=Foreground&dryRun=All',
        'may not change its Secrets in a dry run',
      ],
      ['one that leaves orphans', '?propagationPolicy=Orphan', 'may only delete its Secrets immediately'],
      [
        'one that leaves orphans, said otherwise',
        '?orphanDependents=true',
        'may only delete its Secrets immediately',
      ],
    ])('%s', async (_, query, reason) => {
      const { ok, output } = await ask('DELETE', account, `/db-creds-try${query}`);
      expect([ok, output, shows(output)]).toEqual([false, expect.stringContaining(reason), false]);
    });

    test('the deletion of one that has a finalizer', async () => {
      const path = `/api/v1/namespaces/${exampleNamespace}/secrets/db-creds-try`;
      const stored = v.parse(
        v.looseObject({ metadata: v.looseObject({}) }),
        await stack.kubernetes.call('GET', path),
      );
      const write = (finalizers: string[]) =>
        stack.kubernetes.call('PUT', path, {
          ...stored,
          metadata: { ...stored.metadata, resourceVersion: undefined, finalizers },
        });
      await write(['example.com/never']);
      const { ok, output } = await ask('DELETE', account, '/db-creds-try');
      await write([]);
      expect([ok, output]).toEqual([
        false,
        expect.stringContaining('may only delete its Secrets immediately'),
      ]);
    });

    test('a deletion of all at once', async () => {
      const { status, output } = await ask('DELETE', account, '?dryRun=All');
      expect([status, output]).toEqual([403, expect.stringContaining('cannot deletecollection')]);
    });

    test('a deletion as we ask for it', async () => {
      const { ok, output } = await ask('DELETE', account, '/db-creds-try', { accept: METADATA_ONLY });
      expect([ok, shows(output)]).toEqual([true, false]);
    });
  },
);

describe('renewal is shown a Secret', () => {
  test('by no dry run', async () => {
    const { ok, output } = await ask('PATCH', 'renewal', `/${name}?dryRun=All`, { body: owned });
    expect([ok, output]).toEqual([false, expect.stringContaining('in a dry run')]);
  });

  test('not when it asks for metadata, as it does; and it sets an owner once', async () => {
    await create('admission', ours());
    const first = await ask('PATCH', 'renewal', '/db-creds-try', { body: owned, accept: METADATA_ONLY });
    expect([first.ok, shows(first.output)]).toEqual([true, false]);
    for (const body of [owned, {}]) {
      const again = await ask('PATCH', 'renewal', '/db-creds-try', { body });
      expect([again.ok, again.output]).toEqual([false, expect.stringContaining('has its owner already')]);
    }
    await remove('admission', 'db-creds-try');
  });
});

test.each([
  ['a finalizer', { finalizers: ['example.com/never'] }],
  ['an owner', { ownerReferences: [owner] }],
])('admission makes none with %s', async (_, metadata) => {
  const { ok, output } = await create('admission', ours({}, metadata));
  expect([ok, output]).toEqual([false, expect.stringContaining('without finalizers and owners')]);
});

describe('renewal', () => {
  const patch = (change: object, of = name) => ask('PATCH', 'renewal', `/${of}`, { body: change });

  test.each([
    ['its labels', { metadata: { labels: { app: 'x' } } }],
    ['its annotations', { metadata: { annotations: { app: 'x' } } }],
    ['its finalizers', { metadata: { ownerReferences: [owner], finalizers: ['example.com/never'] } }],
  ])('changes nothing else: %s', async (_, change) => {
    expect((await patch(change)).output).toContain('change nothing else');
  });

  test.each([
    ['nobody', []],
    ['two', [owner, { ...owner, name: 'other', uid: '0198a3a0-0000-7000-8000-000000000002' }]],
    ['one of another kind', [{ ...owner, kind: 'ConfigMap' }]],
    ['one of another API', [{ ...owner, apiVersion: 'example.com/v1' }]],
    ['one that it holds up', [{ ...owner, blockOwnerDeletion: true }]],
    ['one that controls it', [{ ...owner, controller: true }]],
  ])('gives it one Pod as its owner: not %s', async (_, ownerReferences) => {
    const { ok, output } = await patch({ metadata: { ownerReferences } });
    expect([ok, output]).toEqual([false, expect.stringContaining('is one Pod')]);
  });

  test('gives a Secret its owner', async () => {
    expect(await patch(owned)).toMatchObject({ ok: true });
  });

  test('gives nobody else’s an owner', async () => {
    const change = { metadata: { ownerReferences: [owner] } };
    expect((await patch(change, 'somebody-elses')).output).toContain('may only use Secrets of its own');
  });
});

test('whoever else may make and delete Secrets does so as ever', async () => {
  const path = `/api/v1/namespaces/${exampleNamespace}/secrets`;
  await stack.kubernetes.call('POST', path, { metadata: { name: 'passing' } });
  await stack.kubernetes.call('DELETE', `${path}/passing`);
});
