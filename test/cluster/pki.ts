/** The cluster's authorities, certificates and kubeconfigs, made once a cluster. */
import { generateKeyPairSync } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority, type KeyPair } from '../stack/certificates.ts';
import { kubeconfigOf } from '../stack/kubernetes/kubeconfig.ts';
import { paths } from './paths.ts';
import { hostNames, networks, node, ports } from './settings.ts';

const serviceNames = ['', '.default', '.default.svc', '.default.svc.cluster.local'].map(
  (end) => `kubernetes${end}`,
);
export const pki = (name: string): string => join(paths.pki, name);
export const kubeconfig = (name: string): string => join(paths.run, `${name}.kubeconfig`);

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

async function save(name: string, { certificate, key }: KeyPair): Promise<void> {
  await writeFile(pki(`${name}.crt`), certificate);
  await writeFile(pki(`${name}.key`), key, { mode: 0o600 });
}

/** Does nothing where the cluster has them. */
export async function createPki(): Promise<void> {
  if (await isThere(pki('complete'))) return;
  await mkdir(paths.pki, { recursive: true, mode: 0o700 });
  const [ca, front, corporate] = await Promise.all(
    ['kubernetes', 'front-proxy', 'corporate'].map((name) => createAuthority(name)),
  );
  if (!ca || !front || !corporate) throw new Error('three authorities were made');
  await writeFile(pki('ca.crt'), ca.certificate);
  await writeFile(pki('front.crt'), front.certificate);
  await writeFile(pki('vault-ca.crt'), corporate.certificate);
  const addresses = [node.address, networks.apiServer];
  await save('apiserver', await ca.issue({ commonName: 'kube-apiserver', hosts: serviceNames, addresses }));
  await save(
    'apiserver-kubelet',
    await ca.issue({ commonName: 'kube-apiserver-kubelet-client', organization: 'system:masters' }),
  );
  await save('front-client', await front.issue({ commonName: 'front-proxy-client' }));
  await save(
    'vault',
    await corporate.issue({ commonName: 'vault.example.com', hosts: hostNames, addresses: [node.address] }),
  );
  const users = {
    admin: { commonName: 'admin', organization: 'system:masters' },
    'kube-controller-manager': { commonName: 'system:kube-controller-manager' },
    'kube-scheduler': { commonName: 'system:kube-scheduler' },
    'kube-proxy': { commonName: 'system:kube-proxy' },
    kubelet: {
      commonName: `system:node:${node.name}`,
      organization: 'system:nodes',
      hosts: [node.name],
      addresses: [node.address],
    },
  };
  for (const [name, user] of Object.entries(users)) {
    const pair = await ca.issue(user);
    await save(name, pair);
    const url = `https://${node.address}:${ports.apiServer}`;
    await writeFile(kubeconfig(name), kubeconfigOf(url, ca.certificate, pair), { mode: 0o600 });
  }
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(pki('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(pki('sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await writeFile(pki('complete'), '');
}
