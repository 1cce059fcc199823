/** `explain` of the examples and of faulty files, against the roles in the real Vault; and that it touches nothing. */
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { expectNothingNewSince, takeCensus } from '../support/census.ts';
import { configurationFile, normalised, run } from '../support/command-line.ts';
import { stack } from '../support/stack.ts';

const golden = (name: string) => `../../golden/cli/${name}.txt`;
let config: string;

beforeAll(async () => {
  config = await configurationFile({});
});

const explain = (...args: string[]) => run(['explain', '--config', config, ...args]);

async function fileWith(text: string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'explain-')), 'pod.yaml');
  await writeFile(file, text);
  return file;
}

const examples = (await readdir('examples')).filter((name) => name.endsWith('.yaml'));

test.each(examples)('%s', async (name) => {
  const before = await takeCensus();
  const { code, out, err } = await explain(`examples/${name}`);
  expect([code, err]).toEqual([0, '']);
  await expect(normalised(out)).toMatchFileSnapshot(golden(`explain-${name.replace('.yaml', '')}`));
  await expectNothingNewSince(before);
});

test('who may not assume a role is told so', async () => {
  const text = await readFile('examples/two-databases.yaml', 'utf8');
  const file = await fileWith(
    text
      .replace('serviceAccountName: vault-pgsql-example', 'serviceAccountName: other')
      .replace(': other-rw', ': none-rw'),
  );
  const { code, out } = await explain(file);
  expect(code).toBe(1);
  await expect(normalised(out.replaceAll(file, 'pod.yaml'))).toMatchFileSnapshot(golden('explain-denied'));
});

test('from the standard input; what it says is what the API server says', async () => {
  const pod = `apiVersion: v1
kind: Pod
metadata:
  name: asking
  namespace: team-infrastructure
  labels: { vault-db-injector: "true" }
  annotations: { db-creds-injector.numberly.io/role: nobody-rw }
spec:
  containers: [{ name: app, image: app }]
`;
  const { code, out } = await run(['explain', '-', '--config', config, '--json'], { input: pod });
  const said = 'Vault has no auth role \\"nobody-rw\\" at';
  expect([code, out]).toEqual([1, expect.stringContaining(said)]);
});

test('in a namespace that the webhook leaves out nothing would happen', async () => {
  const text = await readFile('examples/uri.yaml', 'utf8');
  const file = await fileWith(text.replace('team-infrastructure', 'kube-system'));
  const { code, out } = await explain(file);
  expect([code, out.replaceAll(file, 'pod.yaml')]).toEqual([
    0,
    `pod.yaml:2: Pod kube-system/uri, service account vault-pgsql-example: would not be changed
  ! pod.yaml:2: the webhook skips the namespace "kube-system": its pods get no credentials`,
  ]);
});

test('without a Vault that answers, what could not be asked is not called allowed', async () => {
  const { code, out } = await explain('examples/uri.yaml', '--vault-address', 'http://127.0.0.1:1');
  expect([code, normalised(out)]).toEqual([
    1,
    expect.stringMatching(
      /\? examples\/uri\.yaml:11: database dbname, mount pgsql2-dv, role gule-rw: Vault could not be asked: Vault cannot be reached \(ECONNREFUSED\); tried http:\/\/ADDRESS$/m,
    ),
  ]);
});

test('without a cluster', async () => {
  const { code, out } = await run(['explain', 'examples/uri.yaml'], {
    env: { KUBECONFIG: '/nowhere/kubeconfig' },
  });
  expect([code, out]).toEqual([
    1,
    expect.stringContaining('role gule-rw: not asked: the kubeconfig cannot be used: ENOENT'),
  ]);
  expect(stack.description.kubernetes.url).not.toBe('');
  const offline = await run(['explain', 'examples/uri.yaml', '--offline', '--config', config]);
  expect([offline.code, offline.out]).toEqual([0, expect.stringContaining('skipped (--offline)')]);
});

test('several files, a folder, and the standard input, as with kubectl', async () => {
  const { code, out } = await explain('-f', 'examples', '-f', '-', '--json');
  const files = [...out.matchAll(/"file": "([^"]+)"/g)].map(([, file]) => file);
  expect([code, [...new Set(files)]]).toEqual([
    0,
    expect.arrayContaining(examples.map((name) => `examples/${name}`)),
  ]);
  const none = await explain('docs');
  expect([none.code, none.err]).toEqual([1, 'the folder docs has no .yaml, .yml or .json file']);
});
