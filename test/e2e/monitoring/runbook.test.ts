/** The runbook's commands, as somebody on call would paste them. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findOrInstall } from '../../stack/install/index.ts';
import { kubectl } from '../support/kubectl.ts';
import { stack } from '../support/stack.ts';

const runbook = readFileSync('docs/runbook.md', 'utf8').replaceAll('\\\n', ' ');
const inBlocks = [...runbook.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
);
const inLine = [...runbook.matchAll(/`(kubectl .+?)`/g)].map(([, command = '']) => command);
// There is no Pushgateway in the stack's cluster.
const commands = [...new Set([...inBlocks, ...inLine])].filter(
  (command) => command.startsWith('kubectl ') && !command.includes('/proxy/'),
);

const namespace = `runbook-${randomUUID().slice(0, 8)}`;
const kubectlFolder = dirname(await findOrInstall('kubectl', () => {}));

async function paste(command: string) {
  const { KUBECONFIG = '' } = stack.environment;
  const filled = command.replaceAll('<namespace>', namespace).replaceAll('<name>', 'app');
  return execa('bash', ['-c', filled], {
    env: { KUBECONFIG, PATH: `${kubectlFolder}${delimiter}${process.env['PATH']}` },
    reject: false,
  });
}

beforeAll(async () => {
  await kubectl(['create', 'namespace', namespace]);
  await kubectl(['--namespace', namespace, 'create', 'deployment', 'app', '--image=app']);
});
afterAll(async () => {
  await kubectl(['delete', 'namespace', namespace, '--wait=false']);
});

test('there are such commands', () => expect(commands.length).toBeGreaterThan(20));

test.each(commands)('%s', async (command) => {
  const { exitCode, stderr } = await paste(command);
  expect(stderr.replace(/^No resources found.*$/m, '')).toBe('');
  // grep found nothing, and nothing is wrong here.
  if (!command.includes('grep')) expect(exitCode).toBe(0);
});

test('Secrets that stayed behind are found: those without an owner, once they are a day old', async () => {
  const command = commands.find((one) => one.includes('get secrets')) ?? '';
  const create = (name: string, ownerReferences: readonly object[]) =>
    stack.kubernetes.call('POST', `/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name, ownerReferences, labels: { 'vault-db-injector.numberly.io/credentials': 'true' } },
    });
  await create('left-behind', []);
  const uid = '0198a3a0-0000-7000-8000-000000000001';
  await create('of-a-pod', [{ apiVersion: 'v1', kind: 'Pod', name: 'app', uid }]);
  const found = async (by: string) => {
    const { stdout } = await paste(by);
    return stdout.split('\n').filter((line) => line.includes(namespace));
  };
  expect(await found(command)).toEqual([]);
  // The view in two days.
  const later = command.replace('1 day ago', '1 day');
  expect(await found(later)).toEqual([expect.stringMatching(/ left-behind .* <none>$/)]);
});

test('Secrets that a backup tool brought back are found: those that no pod refers to, once they are not new', async () => {
  const command = commands.find((one) => one.includes('delete secret')) ?? '';
  const create = (name: string) =>
    stack.kubernetes.call('POST', `/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name, labels: { 'vault-db-injector.numberly.io/credentials': 'true' } },
    });
  await create('db-creds-brought-back');
  await create('db-creds-in-use');
  await stack.kubernetes.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
    metadata: { name: 'default' },
  });
  await stack.kubernetes.call('POST', `/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name: 'user' },
    spec: {
      automountServiceAccountToken: false,
      containers: [{ name: 'app', image: 'app', envFrom: [{ secretRef: { name: 'db-creds-in-use' } }] }],
    },
  });
  const found = async (by: string) =>
    (await paste(by)).stdout
      .split('\n')
      .filter((line) => line.includes(`${namespace} delete secret db-creds-`));
  expect(await found(command)).toEqual([]);
  expect(await found(command.replace('10 minutes ago', '10 minutes'))).toEqual([
    `kubectl --namespace ${namespace} delete secret db-creds-brought-back`,
  ]);
});
