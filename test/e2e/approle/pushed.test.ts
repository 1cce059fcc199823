/** A pod's init container runs, and is given its secret_id: once a run, and the token that it makes of it works. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { createVaultApi } from '../../stack/vault/api.ts';
import {
  type AppRoleFunction,
  addAppRoleOf,
  createAppRolePod,
  credentialsIn,
  startAppRole,
  startInitContainer,
  tell,
} from '../support/approles.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { openBao, stack } from '../support/stack.ts';

const SecretIds = v.object({ data: v.object({ keys: v.array(v.string()) }) });
const Self = v.object({
  data: v.object({ policies: v.array(v.string()), meta: v.record(v.string(), v.string()) }),
});

let role: Awaited<ReturnType<typeof addAppRoleOf>>;
let approle: AppRoleFunction;
beforeAll(async () => {
  role = await addAppRoleOf('pushed-app');
  approle = await startAppRole();
});

/** The role's secret_ids that were created and not used up. */
async function secretIdsLeft(name = role.name): Promise<string[]> {
  const { status, body } = await stack.vault.ask('LIST', `auth/approle/role/${name}/secret-id`);
  return status === 404 ? [] : v.parse(SecretIds, JSON.parse(body)).data.keys;
}

const pushes = async (name = role.name) =>
  (await approle.samples())[`kubernetesvault_server_secret_pushes_total{approle="${name}"}`] ?? 0;

describe('a pod whose init container runs', () => {
  test('has a token that works, with the policies of its AppRole, and knows for whom it is', async () => {
    const pod = await createAppRolePod({ role: role.name });
    const init = await startInitContainer(pod, role.roleId);
    await pod.says({ state: 'running' });
    expect(await tell(approle, pod)).toBe(204);
    expect(await init.exited).toBe(0);

    const credentials = await credentialsIn(init.folder);
    expect(credentials).toMatchObject({ leaseDuration: 600, renewable: true, vaultAddr: openBao.address });
    const vault = createVaultApi({ address: openBao.address, token: credentials.clientToken });
    const { data } = v.parse(Self, await vault.call('GET', 'auth/token/lookup-self'));
    expect(data.policies).toEqual(['default', 'pushed-app']);
    expect(data.meta).toMatchObject({ role_name: 'pushed-app', pod: pod.name, namespace: pod.namespace });
    expect((await vault.ask('GET', 'auth/approle/role/pushed-app/role-id')).status).toBe(200);
    expect((await vault.ask('GET', 'auth/approle/role/pushed-app')).status).toBe(403);

    expect((await stat(join(init.folder, 'vault-token'))).mode & 0o777).toBe(0o444);
    await expect(stat(join(init.folder, 'ca.crt'))).rejects.toThrow('ENOENT');
    expect(await secretIdsLeft()).toEqual([]);
  });

  test('is given one secret_id, however often and however many at once the events come', async () => {
    const pod = await createAppRolePod({ role: role.name });
    const init = await startInitContainer(pod, role.roleId);
    await pod.says({ state: 'running' });
    const before = await pushes();
    const answers = await Promise.all(Array.from({ length: 8 }, () => tell(approle, pod)));
    expect(new Set(answers)).toEqual(new Set([204]));
    expect(await init.exited).toBe(0);
    expect(await tell(approle, pod)).toBe(204);
    expect(await pushes()).toBe(before + 1);
    expect(await secretIdsLeft()).toEqual([]);

    await pod.says({ state: 'terminated' });
    expect(await tell(approle, pod)).toBe(204);
    expect(await pushes()).toBe(before + 1);
    expect(await approle.outcomes()).toMatchObject({ ended: 1 });
  });

  test('is given no second one by another instance, which knows nothing of the first', async () => {
    const pod = await createAppRolePod({ role: role.name });
    const init = await startInitContainer(pod, role.roleId);
    const other = await startAppRole();
    await pod.says({ state: 'running' });
    expect((await Promise.all([tell(approle, pod), tell(other, pod)])).includes(204)).toBe(true);
    expect(await init.exited).toBe(0);
    const left = await secretIdsLeft();
    // One at most is left over: it can be used once, by that address alone, for two minutes.
    expect(left.length).toBeLessThanOrEqual(1);
    await pod.says({ state: 'terminated' });
    expect(await tell(other, pod)).toBe(204);
    expect(await secretIdsLeft()).toEqual(left);
  });

  test('starts again: another run, another secret_id', async () => {
    const pod = await createAppRolePod({ role: role.name });
    const before = await pushes();
    for (const restartCount of [0, 1]) {
      const init = await startInitContainer(pod, role.roleId);
      await pod.says({ state: 'running', restartCount });
      expect(await tell(approle, pod)).toBe(204);
      expect(await init.exited).toBe(0);
    }
    expect(await pushes()).toBe(before + 2);
  });
});

describe('an init container', () => {
  test('that waits is left alone until its kubelet says that it runs', async () => {
    const pod = await createAppRolePod({ role: role.name });
    await pod.says({ state: 'waiting' });
    expect(await tell(approle, pod, 'dev.knative.apiserver.ref.add')).toBe(204);
    expect(await approle.outcomes()).toMatchObject({ waiting: 1 });
  });

  test('that runs and listens a moment later is waited for', async () => {
    const pod = await createAppRolePod({ role: role.name });
    await pod.says({ state: 'running' });
    const told = tell(approle, pod);
    const init = await startInitContainer(pod, role.roleId);
    expect([await told, await init.exited]).toEqual([204, 0]);
  });

  test('that does not listen costs Vault nothing, and has the event sent again', async () => {
    const pod = await createAppRolePod({ role: role.name });
    await pod.says({ state: 'running' });
    const before = await approle.samples();
    expect(await tell(approle, pod)).toBe(503);
    const after = await approle.samples();
    const requests = 'kubernetesvault_vault_secret_id_requests_total{approle="pushed-app"}';
    const failures = 'kubernetesvault_server_secret_push_failures_total{approle="pushed-app"}';
    expect(after[requests]).toBe(before[requests]);
    expect(after[failures]).toBe((before[failures] ?? 0) + 1);
    await approle.says(`pod ${pod.namespace}/${pod.name} has no secret_id yet`);
    const init = await startInitContainer(pod, role.roleId);
    expect([await tell(approle, pod), await init.exited]).toEqual([204, 0]);
  });
});

describe('the secret_id', () => {
  let nat: Awaited<ReturnType<typeof startFaultProxy>>;
  let viaNat: AppRoleFunction;
  beforeAll(async () => {
    nat = await startFaultProxy();
    viaNat = await startAppRole({ vaultAddress: nat.url });
  });

  test('is good for the pod’s address alone', async () => {
    const pod = await createAppRolePod({ role: role.name });
    const init = await startInitContainer(pod, role.roleId);
    await pod.says({ state: 'running' });
    expect([await tell(viaNat, pod), await init.exited]).toEqual([204, 1]);
    expect(await init.log()).toContain('would not let the pod log in with its AppRole');
  });

  test('is good for any, where the operator says that Vault sees other ones', async () => {
    const unbound = await startAppRole({ vaultAddress: nat.url, appRoleBindAddress: false });
    const pod = await createAppRolePod({ role: role.name });
    const init = await startInitContainer(pod, role.roleId);
    await pod.says({ state: 'running' });
    expect([await tell(unbound, pod), await init.exited]).toEqual([204, 0]);
  });

  test('of a role for other addresses is made as the role allows it', async () => {
    const own = await addAppRoleOf('elsewhere-app', { secret_id_bound_cidrs: ['127.0.0.1/32'] });
    const pod = await createAppRolePod({ role: own.name });
    const init = await startInitContainer(pod, own.roleId);
    await pod.says({ state: 'running' });
    expect([await tell(viaNat, pod), await init.exited]).toEqual([204, 0]);
  });

  test('of a role that gives them less time is made as the role allows it', async () => {
    const own = await addAppRoleOf('brief-app', { secret_id_ttl: '30s' });
    const pod = await createAppRolePod({ role: own.name });
    const init = await startInitContainer(pod, own.roleId);
    await pod.says({ state: 'running' });
    expect([await tell(approle, pod), await init.exited]).toEqual([204, 0]);
  });
});
