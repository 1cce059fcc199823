/** The way from a database and an application's name to a pod that logs in. */
import * as v from 'valibot';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { query } from '../../stack/postgres.ts';
import { authPath } from '../../stack/vault/names.ts';
import { createPod, environmentOf, podWith } from '../support/pods.ts';
import { asSuperuser, issue, linesOf, ownersIn, setUp } from '../support/set-up.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';

const app = [
  'app',
  '--auth-path',
  authPath,
  '--namespace',
  exampleNamespace,
  '--service-account',
  exampleAccount,
];
const name = `${exampleNamespace}-${exampleAccount}`;

const Needs = v.object({
  metadata: v.object({
    labels: v.record(v.string(), v.string()),
    annotations: v.record(v.string(), v.string()),
  }),
  spec: v.object({ serviceAccountName: v.string() }),
});
/** What is printed for the pod's manifest. */
const needsIn = (out: string) => v.parse(Needs, parse(out.slice(out.indexOf('metadata:'))));
const prefix = /^db-creds-injector\.numberly\.io\//;

beforeAll(async () => {
  for (const database of ['ledger', 'archive'])
    expect((await setUp('database', database, '--yes')).code).toBe(0);
});

test('a pod with what is printed has a login of its own, and its work stays when it goes', async () => {
  const { code, err, out } = await setUp(...app, '--role', 'ledger', '--yes');
  expect([code, err]).toEqual([0, '']);
  const { metadata, spec } = needsIn(out);
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations).map(([key, value]) => [key.replace(prefix, ''), value]),
  );
  const manifest = podWith(annotations, { labels: metadata.labels, serviceAccount: spec.serviceAccountName });
  const pod = await createPod(manifest);
  const { DATABASE_URL = '' } = environmentOf(pod);
  await query(DATABASE_URL, "CREATE TABLE entries (what text); INSERT INTO entries VALUES ('tea')");
  const user = decodeURIComponent(new URL(DATABASE_URL).username);
  await stack.kubernetes.call('DELETE', `/api/v1/namespaces/${exampleNamespace}/pods/${pod.metadata.name}`);
  await expect
    .poll(() => asSuperuser(`SELECT rolname FROM pg_roles WHERE rolname = '${user}'`), { timeout: 60_000 })
    .toEqual([]);
  expect(await ownersIn('ledger')).toEqual({ entries: 'ledger_grp' });
  expect(await (await issue('ledger')).run('SELECT what FROM entries')).toEqual([{ what: 'tea' }]);
});

test('a second run does nothing', async () => {
  const { code, out } = await setUp(...app, '--role', 'ledger');
  expect([code, linesOf({ code, err: '', out }).slice(0, 2)]).toEqual([
    0,
    [
      `✓ policy ${name}: credentials of ledger`,
      `✓ auth role ${name}: pods of ${exampleNamespace}/${exampleAccount}`,
    ],
  ]);
});

test('a second database is added to what there is', async () => {
  const { code } = await setUp(...app, '--role', 'archive', '--yes');
  expect(code).toBe(0);
  const both = podWith({
    cluster: 'databases',
    ...Object.fromEntries(
      ['ledger', 'archive'].flatMap((database) => [
        [`${database}.role`, database],
        [`${database}.auth-role`, name],
        [`${database}.env-key-dbuser`, `${database.toUpperCase()}_USER`],
        [`${database}.env-key-dbpassword`, `${database.toUpperCase()}_PASSWORD`],
      ]),
    ),
  });
  expect(Object.keys(environmentOf(await createPod(both)))).toEqual(
    expect.arrayContaining(['LEDGER_USER', 'ARCHIVE_PASSWORD']),
  );
});

test.each([
  [
    'a name that is of others',
    ['--namespace', 'team', '--service-account', 'infrastructure', '--name', name, '--role', 'ledger'],
    /^auth role ".*" already exists, for service accounts .*: use another --name$/,
  ],
  ['no such role', ['--role', 'nothing'], /has no database role "nothing": create it first/],
  [
    'no such auth method',
    ['--role', 'ledger', '--auth-path', 'elsewhere'],
    /^Vault has no Kubernetes auth method at "auth\/elsewhere"/,
  ],
])('%s is refused, and it is said what to do', async (_, more, expected) => {
  const { code, err } = await setUp(...app, ...more, '--yes');
  expect([code, err]).toEqual([1, expect.stringMatching(expected)]);
});
