/** Who gets no secret_id: pods that may not have one, addresses that are no pod's, events that nobody sent. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createNamespace, requestToken } from '../../stack/kubernetes/objects.ts';
import {
  type AppRoleFunction,
  addAppRoleOf,
  createAppRolePod,
  type PodWishes,
  startAppRole,
  startInitContainer,
  tell,
} from '../support/approles.ts';
import { send } from '../support/revoking.ts';
import { exampleAccount, exampleNamespace, stack } from '../support/stack.ts';

const map = {
  'allowed-app': { namespaces: [exampleNamespace, 'approle-*'], serviceAccounts: [exampleAccount] },
};
const rules = { appRoleMap: JSON.stringify(map), appRoleNamespaces: `${exampleNamespace},approle-in` };
let roleId: string;
let approle: AppRoleFunction;

beforeAll(async () => {
  ({ roleId } = await addAppRoleOf('allowed-app'));
  await addAppRoleOf('other-app');
  await createNamespace(stack.kubernetes, 'approle-in', [exampleAccount]);
  await createNamespace(stack.kubernetes, 'approle-out', [exampleAccount]);
  approle = await startAppRole(rules);
});

const asked = async () => (await stack.vault.ask('LIST', 'auth/approle/role/other-app/secret-id')).status;

test.each<[string, Omit<PodWishes, 'role'> & { role?: string }, string]>([
  [
    'of a namespace that is not listed',
    { namespace: 'approle-out' },
    'its namespace is not in appRoleNamespaces',
  ],
  ['that names an AppRole of nobody', { role: 'other-app' }, 'AppRole \\"other-app\\" is not in appRoleMap'],
  ['of another service account', { serviceAccount: 'default' }, 'does not allow its service account AppRole'],
  ['that leaves the path', { role: '../../sys' }, 'cannot be the name of an AppRole'],
  ['on its node’s network', { hostNetwork: true }, "its address is its node's (hostNetwork)"],
  ['whose address is elsewhere', { address: '192.0.2.99' }, 'its address is not in appRolePodCidrs'],
  ['that names an app container', { initContainer: 'app' }, 'has no init container \\"app\\"'],
])('a pod %s', async (_, wishes, reason) => {
  const pod = await createAppRolePod({ role: 'allowed-app', ...wishes });
  await pod.says({ state: 'running' });
  const before = (await approle.outcomes())['refused'] ?? 0;
  expect(await tell(approle, pod)).toBe(204);
  expect((await approle.outcomes())['refused']).toBe(before + 1);
  await approle.says(pod.name, 'security: a pod gets no secret_id', reason);
  expect(await asked()).toBe(404);
});

test('a pod that shares its node’s address is refused, whatever its specification says', async () => {
  const pod = await createAppRolePod({ role: 'allowed-app' });
  await pod.says({ state: 'running', hostIP: pod.address });
  expect(await tell(approle, pod)).toBe(204);
  await approle.says(pod.name, "its address is its node's");
});

test.each([exampleNamespace, 'approle-in'])(
  'a pod of %s that the map allows has its token',
  async (namespace) => {
    const pod = await createAppRolePod({ role: 'allowed-app', namespace });
    const init = await startInitContainer(pod, roleId);
    await pod.says({ state: 'running' });
    expect([await tell(approle, pod), await init.exited]).toEqual([204, 0]);
  },
);

test('where pods’ addresses are not said, none on loopback is sent anything', async () => {
  const cautious = await startAppRole({ ...rules, appRolePodCidrs: null });
  const pod = await createAppRolePod({ role: 'allowed-app' });
  const init = await startInitContainer(pod, roleId);
  await pod.says({ state: 'running' });
  expect(await tell(cautious, pod)).toBe(204);
  expect(await cautious.outcomes()).toEqual({ refused: 1 });
  await cautious.says(pod.name, 'its address cannot be that of a pod');
  await init.stop();
});

test('without a map the function says at its start what that means', async () => {
  const open = await startAppRole();
  await open.says('security: without appRoleMap any pod may have any AppRole');
  expect(await approle.log()).not.toContain('without appRoleMap');
});

describe('a forged event', () => {
  const reference = { apiVersion: 'v1', kind: 'Pod', namespace: exampleNamespace, name: 'nobody' };
  const type = 'dev.knative.apiserver.resource.update';

  test('of a pod that is not there, or that asks for nothing, does nothing', async () => {
    const pod = await createAppRolePod({ role: 'allowed-app', initContainer: ' ' });
    await pod.says({ state: 'running' });
    const annotations = {
      'pod.boostport.com/vault-approle': 'allowed-app',
      'pod.boostport.com/vault-init-container': 'install',
    };
    // Annotations, address and state of the event are nobody's word.
    const status = {
      podIP: '127.0.0.1',
      initContainerStatuses: [{ name: 'install', state: { running: {} } }],
    };
    const metadata = { namespace: pod.namespace, name: pod.name, annotations };
    const before = await approle.outcomes();
    expect((await send(approle, { type, data: { kind: 'Pod', metadata, status } })).status).toBe(204);
    expect((await send(approle, { type: type.replace('resource', 'ref'), data: reference })).status).toBe(
      204,
    );
    const after = await approle.outcomes();
    expect(after['ignored']).toBe((before['ignored'] ?? 0) + 2);
    expect(after['pushed']).toBe(before['pushed']);
  });

  test.each([
    ['that names none', { kind: 'Pod' }],
    ['whose names leave the path', { kind: 'Pod', namespace: '..', name: '../../secrets' }],
  ])('of a pod %s is a dead letter at once', async (_, data) => {
    expect((await send(approle, { type, data })).status).toBe(400);
  });

  test('of a sender that is not known is refused, where senders are to be known', async () => {
    const subject = `system:serviceaccount:${exampleNamespace}:${exampleAccount}`;
    const strict = await startAppRole({ eventAudience: 'approle', eventSubjects: subject });
    const pod = await createAppRolePod({ role: 'allowed-app' });
    const init = await startInitContainer(pod, roleId);
    await pod.says({ state: 'running' });
    const event = {
      type,
      data: { ...reference, name: pod.name, metadata: { ...reference, name: pod.name } },
    };
    expect((await send(strict, event)).status).toBe(401);
    const account = { namespace: exampleNamespace, serviceAccount: exampleAccount };
    const token = await requestToken(stack.kubernetes, account, ['approle']);
    expect((await send(strict, { ...event, authorization: `Bearer ${token}` })).status).toBe(204);
    expect(await init.exited).toBe(0);
  });
});
