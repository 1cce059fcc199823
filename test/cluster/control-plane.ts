/** Registry, etcd, API server, controllers and scheduler, as processes of this machine. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../stack/wait.ts';
import { lastLinesOf, start } from './daemons.ts';
import { binary, paths } from './paths.ts';
import { kubeconfig, pki } from './pki.ts';
import { command, kubectl } from './run.ts';
import { networks, node, ports, registry } from './settings.ts';

const flags = (values: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

/** The address that all of the cluster listens at. */
export async function createBridge(): Promise<void> {
  const exists = await command('ip', ['link', 'show', node.bridge]).then(
    () => true,
    () => false,
  );
  if (exists) return;
  await command('ip', ['link', 'add', node.bridge, 'type', 'bridge']);
  await command('ip', ['address', 'add', `${node.address}/32`, 'dev', node.bridge]);
  await command('ip', ['link', 'set', node.bridge, 'up']);
}

const registryAnswers = async () => (await fetch(`http://${registry.address}/v2/`)).ok;

export async function startRegistry(): Promise<void> {
  const file = join(paths.run, 'registry.yaml');
  await mkdir(paths.registryData, { recursive: true });
  const storage = `{ filesystem: { rootdirectory: ${paths.registryData} }, delete: { enabled: true } }`;
  await writeFile(
    file,
    `version: 0.1\nlog: { level: warn }\nstorage: ${storage}\nhttp: { addr: "${registry.address}" }\n`,
  );
  await start({ name: 'registry', command: binary('docker-registry'), args: ['serve', file] });
  await until('the registry answers', registryAnswers);
}

async function startEtcd(): Promise<void> {
  const client = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  await start({
    name: 'etcd',
    command: 'etcd',
    args: [
      ...flags({
        name: 'default',
        'data-dir': paths.etcd,
        'listen-client-urls': client,
        'advertise-client-urls': client,
        'listen-peer-urls': peer,
        'initial-advertise-peer-urls': peer,
        'initial-cluster': `default=${peer}`,
        'log-level': 'warn',
      }),
      '--unsafe-no-fsync',
    ],
  });
}

const headers = {
  'requestheader-client-ca-file': pki('front.crt'),
  'requestheader-allowed-names': 'front-proxy-client',
  'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
  'requestheader-group-headers': 'X-Remote-Group',
  'requestheader-username-headers': 'X-Remote-User',
};

const apiServer = () =>
  flags({
    'etcd-servers': `http://127.0.0.1:${ports.etcd}`,
    'advertise-address': node.address,
    'bind-address': node.address,
    'secure-port': ports.apiServer,
    'service-cluster-ip-range': networks.services,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'allow-privileged': 'true',
    'client-ca-file': pki('ca.crt'),
    'tls-cert-file': pki('apiserver.crt'),
    'tls-private-key-file': pki('apiserver.key'),
    'kubelet-client-certificate': pki('apiserver-kubelet.crt'),
    'kubelet-client-key': pki('apiserver-kubelet.key'),
    'kubelet-preferred-address-types': 'InternalIP',
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': pki('sa.pub'),
    'service-account-signing-key-file': pki('sa.key'),
    'proxy-client-cert-file': pki('front-client.crt'),
    'proxy-client-key-file': pki('front-client.key'),
    profiling: 'false',
    'audit-policy-file': join(paths.run, 'audit-policy.yaml'),
    'audit-log-path': join(paths.logs, 'audit.log'),
    'audit-log-maxsize': 200,
    'audit-log-maxbackup': 2,
    ...headers,
  });

// Bodies of pods: with delivery by Secret no level of the log may show a password. Those of Secrets nobody keeps.
const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - { level: RequestResponse, verbs: [create, update, patch, delete], resources: [{ group: "", resources: [pods] }] }
  - { level: Metadata }
`;

const controllerManager = () =>
  flags({
    kubeconfig: kubeconfig('kube-controller-manager'),
    'authentication-kubeconfig': kubeconfig('kube-controller-manager'),
    'authorization-kubeconfig': kubeconfig('kube-controller-manager'),
    'use-service-account-credentials': 'true',
    'service-account-private-key-file': pki('sa.key'),
    'root-ca-file': pki('ca.crt'),
    'leader-elect': 'false',
    'bind-address': '127.0.0.1',
    'client-ca-file': pki('ca.crt'),
    'node-monitor-grace-period': '60s',
    ...headers,
  });

const scheduler = () =>
  flags({
    kubeconfig: kubeconfig('kube-scheduler'),
    'authentication-kubeconfig': kubeconfig('kube-scheduler'),
    'authorization-kubeconfig': kubeconfig('kube-scheduler'),
    'leader-elect': 'false',
    'bind-address': '127.0.0.1',
  });

/** @throws with the end of the API server's log where it does not answer. */
export async function startControlPlane(): Promise<void> {
  await mkdir(paths.logs, { recursive: true });
  await writeFile(join(paths.run, 'audit-policy.yaml'), AUDIT_POLICY);
  await startEtcd();
  await start({ name: 'kube-apiserver', command: 'kube-apiserver', args: apiServer() });
  const answers = async () => (await kubectl('get', '--raw=/readyz')) === 'ok';
  await until('the API server is ready', answers, 90_000).catch(async (cause: unknown) => {
    throw new Error(`the API server is not ready:\n${await lastLinesOf('kube-apiserver')}`, { cause });
  });
  const manager = { name: 'kube-controller-manager', command: binary('kube-controller-manager') };
  await start({ ...manager, args: controllerManager() });
  await start({ name: 'kube-scheduler', command: binary('kube-scheduler'), args: scheduler() });
}
