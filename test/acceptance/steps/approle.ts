/** Tokens of Vault's AppRoles: the init container is given a secret_id, logs in, and leaves a token. */
import * as v from 'valibot';
import { vaultInCluster } from '../product.ts';
import { inSeconds, type Step } from '../step.ts';
import { apply, kubectl, removeAt, type World } from '../world.ts';

const MOUNT = 'approle';
const RoleId = v.object({ data: v.object({ role_id: v.string() }) });

/** Asks Vault who the token is, from the application's own container. */
const LOOK_UP = `const { readFileSync } = require('node:fs');
const { clientToken, vaultAddr } = JSON.parse(readFileSync('/var/run/secrets/boostport.com/vault-token', 'utf8'));
fetch(vaultAddr + '/v1/auth/token/lookup-self', { headers: { 'x-vault-token': clientToken } })
  .then((answer) => answer.json())
  .then(({ data }) => console.log(data.path, data.meta.role_name));`;

const pod = (world: World, roleId: string): string => `apiVersion: v1
kind: Pod
metadata:
  name: approle
  namespace: ${world.id}
  annotations:
    pod.boostport.com/vault-approle: ${world.id}
    pod.boostport.com/vault-init-container: install
spec:
  serviceAccountName: app
  restartPolicy: Never
  securityContext: { runAsUser: 65532, fsGroup: 65532 }
  volumes:
    - { name: credentials, emptyDir: { medium: Memory } }
    - { name: authority, configMap: { name: vault-ca } }
  initContainers:
    - name: install
      image: ${world.image}
      args: [approle-init.mjs]
      env:
        - { name: VAULT_ROLE_ID, value: ${roleId} }
        - { name: VAULT_ADDR, value: '${vaultInCluster(world)}' }
        - { name: NODE_EXTRA_CA_CERTS, value: /authority/ca.crt }
      volumeMounts:
        - { name: credentials, mountPath: /var/run/secrets/boostport.com }
        - { name: authority, mountPath: /authority }
  containers:
    - name: app
      image: ${world.image}
      args: [-e, ${JSON.stringify(LOOK_UP)}]
      env: [{ name: NODE_EXTRA_CA_CERTS, value: /authority/ca.crt }]
      volumeMounts:
        - { name: credentials, mountPath: /var/run/secrets/boostport.com }
        - { name: authority, mountPath: /authority }
`;

export const approle: Step = {
  title: 'An init container is given a secret_id, and the application has a token of its AppRole',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    const { vault, id, undo } = world;
    const enabled = await vault.ask('POST', `sys/auth/${MOUNT}`, { type: 'approle' });
    if (enabled.status >= 400) throw new Error(`an AppRole auth method of its own: ${enabled.body}`);
    undo.push(() => removeAt(world, `sys/auth/${MOUNT}`));
    await vault.call('POST', `auth/${MOUNT}/role/${id}`, { token_ttl: '1h' });
    const { data } = v.parse(RoleId, await vault.call('GET', `auth/${MOUNT}/role/${id}/role-id`));
    const label = 'vault-db-injector.numberly.io/approle=true';
    await kubectl(world, 'label', 'namespace', id, label, '--overwrite');
    await kubectl(
      world,
      'create',
      'configmap',
      'vault-ca',
      `--namespace=${id}`,
      `--from-file=ca.crt=${world.env['VAULT_CACERT']}`,
    );
    const began = performance.now();
    await apply(world, pod(world, data.role_id));
    const done = '--for=jsonpath={.status.phase}=Succeeded';
    await kubectl(world, 'wait', done, 'pod/approle', `--namespace=${id}`, '--timeout=120s');
    const took = performance.now() - began;
    const said = await kubectl(world, 'logs', 'pod/approle', `--namespace=${id}`);
    if (said.trim() !== `auth/${MOUNT}/login ${id}`) throw new Error(`the token: ${said}`);
    await kubectl(world, 'delete', 'pod/approle', `--namespace=${id}`);
    return { 'token after': inSeconds(took) };
  },
};
