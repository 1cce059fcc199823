import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authority } from '../certificates.ts';
import { request } from '../http.ts';
import type { Part } from '../process/launch.ts';
import { freePort } from '../process/ports.ts';
import type { Processes } from '../process/processes.ts';
import { createKubernetesApi, type KubernetesApi } from './api.ts';
import { kubeconfigOf } from './kubeconfig.ts';

export type ControlPlane = {
  url: string;
  caFile: string;
  /** Belongs to a member of system:masters, as do the certificate and key. */
  kubeconfig: string;
  adminCertificateFile: string;
  adminKeyFile: string;
  admin: KubernetesApi;
  etcd: Part;
  apiServer: Part;
};

/**
 * Audit log of the API server, in its folder; no `.log`: with `delivery: env` it contains the patches, and passwords
 * in them.
 */
export const auditLog = 'audit.jsonl';

export type ControlPlaneOptions = {
  etcdBinary: string;
  apiServerBinary: string;
  folder: string;
  authority: Authority;
  /** Arguments of the API server, beside the stack's own. */
  apiServerArguments?: readonly string[];
};

const startEtcd = async (processes: Processes, binary: string, folder: string): Promise<Part> => {
  const clients = `http://127.0.0.1:${await freePort()}`;
  const peers = `http://127.0.0.1:${await freePort()}`;
  return processes.start('storage', {
    name: 'etcd',
    command: binary,
    args: [
      `--data-dir=${join(folder, 'etcd')}`,
      '--name=stack',
      `--listen-client-urls=${clients}`,
      `--advertise-client-urls=${clients}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=stack=${peers}`,
      // The data need not survive a power cut.
      '--unsafe-no-fsync',
    ],
    address: clients,
    logFile: join(folder, 'etcd.log'),
    ready: async () => (await request(`${clients}/health`)).status === 200,
  });
};

const writeServiceAccountKeys = async (folder: string): Promise<void> => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  });
  await writeFile(join(folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
};

/** Pods as whole as can be, with the patches that they were given; of Secrets only that there was a request. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets', 'serviceaccounts/token'] }] },
    {
      level: 'RequestResponse',
      verbs: ['create', 'update', 'patch', 'delete'],
      resources: [{ group: '', resources: ['pods'] }],
    },
    { level: 'None' },
  ],
};

const apiServerArguments = (folder: string, port: number, etcd: Part): string[] => [
  `--etcd-servers=${etcd.address}`,
  '--bind-address=127.0.0.1',
  // Nobody is told it. Without one, it looks for a route out of the machine, which a namespace of a test run's has not.
  '--advertise-address=192.0.2.1',
  `--secure-port=${port}`,
  `--tls-cert-file=${join(folder, 'tls.crt')}`,
  `--tls-private-key-file=${join(folder, 'tls.key')}`,
  `--client-ca-file=${join(folder, 'ca.crt')}`,
  '--authorization-mode=RBAC',
  '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
  `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
  `--service-account-key-file=${join(folder, 'sa.pub')}`,
  '--service-cluster-ip-range=10.96.0.0/16',
  // It would announce 127.0.0.1 as the address of the Service `kubernetes`, which is not allowed there.
  '--endpoint-reconciler-type=none',
  `--audit-policy-file=${join(folder, 'audit-policy.json')}`,
  `--audit-log-path=${join(folder, auditLog)}`,
];

/** Starts etcd and an API server: RBAC, real service account tokens, the default admission plugins. */
export const startControlPlane = async (
  processes: Processes,
  options: ControlPlaneOptions,
): Promise<ControlPlane> => {
  const { folder, authority } = options;
  await mkdir(folder, { recursive: true });
  const etcd = await startEtcd(processes, options.etcdBinary, folder);
  const server = await authority.issue({ commonName: 'kube-apiserver' });
  const client = await authority.issue({ commonName: 'admin', organization: 'system:masters' });
  const caFile = join(folder, 'ca.crt');
  await writeFile(caFile, authority.certificate);
  await writeFile(join(folder, 'tls.crt'), server.certificate);
  await writeFile(join(folder, 'tls.key'), server.key, { mode: 0o600 });
  await writeServiceAccountKeys(folder);
  await writeFile(join(folder, 'audit-policy.json'), JSON.stringify(auditPolicy));

  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf(url, authority.certificate, client), { mode: 0o600 });

  const adminCertificateFile = join(folder, 'admin.crt');
  const adminKeyFile = join(folder, 'admin.key');
  await writeFile(adminCertificateFile, client.certificate);
  await writeFile(adminKeyFile, client.key, { mode: 0o600 });
  const admin = createKubernetesApi({ url, ca: authority.certificate, ...client });
  const apiServer = await processes.start('server', {
    name: 'kube-apiserver',
    command: options.apiServerBinary,
    args: [...apiServerArguments(folder, port, etcd), ...(options.apiServerArguments ?? [])],
    address: url,
    logFile: join(folder, 'kube-apiserver.log'),
    ready: async () => (await admin.ask('GET', '/readyz')).status === 200,
  });
  return { url, caFile, kubeconfig, adminCertificateFile, adminKeyFile, admin, etcd, apiServer };
};
