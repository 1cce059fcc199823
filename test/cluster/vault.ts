/** OpenBao beside the cluster, with TLS of an authority that nobody trusts by itself, and what the product takes for granted of it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { createVaultApi, type VaultApi } from '../stack/vault/api.ts';
import { until } from '../stack/wait.ts';
import { start } from './daemons.ts';
import { paths } from './paths.ts';
import { pki } from './pki.ts';
import { apply, kubectl } from './run.ts';
import { node, ports } from './settings.ts';

export const vaultAddress = `https://${node.address}:${ports.vault}`;
const folder = join(paths.run, 'bao');
const keysFile = join(folder, 'keys.json');

const Keys = v.object({ keys: v.array(v.string()), root_token: v.string() });
type Keys = v.InferOutput<typeof Keys>;

const readKeys = async (): Promise<Keys> => v.parse(Keys, JSON.parse(await readFile(keysFile, 'utf8')));
const caFile = pki('vault-ca.crt');

export const rootToken = async (): Promise<string> => (await readKeys()).root_token;
const rootVault = async (): Promise<VaultApi> =>
  createVaultApi({ address: vaultAddress, caFile, token: await rootToken() });

const config = `storage "raft" {
  path = "${folder}/data"
  node_id = "one"
}
cluster_addr = "https://127.0.0.1:8201"
disable_mlock = true
listener "tcp" {
  address = "${node.address}:${ports.vault}"
  tls_cert_file = "${pki('vault.crt')}"
  tls_key_file = "${pki('vault.key')}"
}
api_addr = "${vaultAddress}"
`;

const Health = v.object({ initialized: v.boolean(), sealed: v.boolean() });

export async function startVault(): Promise<void> {
  await mkdir(join(folder, 'data'), { recursive: true });
  await writeFile(join(folder, 'config.hcl'), config);
  await start({ name: 'bao', command: 'bao', args: ['server', `-config=${join(folder, 'config.hcl')}`] });
  const api = createVaultApi({ address: vaultAddress, caFile });
  const health = async () => {
    const { body } = await api.ask('GET', 'sys/health?sealedcode=200&uninitcode=200&standbyok=true');
    return v.parse(Health, JSON.parse(body));
  };
  await until('OpenBao answers', async () => (await health()) !== undefined);
  if (!(await health()).initialized) {
    const made = await api.call('POST', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
    await writeFile(keysFile, JSON.stringify(v.parse(Keys, made)), { mode: 0o600 });
  }
  if ((await health()).sealed) await unseal(api);
  await until('OpenBao is active', async () => (await api.ask('GET', 'sys/health')).status === 200);
}

async function unseal(api: VaultApi): Promise<void> {
  const [key] = (await readKeys()).keys;
  await api.call('POST', 'sys/unseal', { key });
}

const REVIEWER = `apiVersion: v1
kind: Namespace
metadata: { name: vault-reviewer }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: vault, namespace: vault-reviewer }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: vault-reviewer }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:auth-delegator }
subjects: [{ kind: ServiceAccount, name: vault, namespace: vault-reviewer }]
`;

/** The Kubernetes auth method and the ledger's mount, which the product's own set-up takes for granted. */
export async function prepareVault(): Promise<void> {
  const vault = await rootVault();
  await apply(REVIEWER);
  const enable = async (path: string, body: object) => {
    const { status, body: answer } = await vault.ask('POST', path, body);
    if (status >= 400 && !answer.includes('already in use')) throw new Error(`${path}: ${answer}`);
  };
  await enable('sys/auth/kubernetes', { type: 'kubernetes' });
  await vault.call('POST', 'auth/kubernetes/config', {
    kubernetes_host: `https://${node.address}:${ports.apiServer}`,
    kubernetes_ca_cert: await readFile(pki('ca.crt'), 'utf8'),
    token_reviewer_jwt: await kubectl(
      'create',
      'token',
      'vault',
      '--namespace=vault-reviewer',
      '--duration=8760h',
    ),
    disable_local_ca_jwt: true,
  });
  await enable('sys/mounts/vault-injector', { type: 'kv', options: { version: '2' } });
  await enable('sys/mounts/databases', { type: 'database' });
}
