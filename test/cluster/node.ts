/** The node: containerd, kubelet and kube-proxy, on this machine. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { until } from '../stack/wait.ts';
import { lastLinesOf, start, stop } from './daemons.ts';
import { allProcesses, familyOf } from './family.ts';
import { binary, paths } from './paths.ts';
import { kubeconfig, pki } from './pki.ts';
import { command, kubectl, unmount } from './run.ts';
import { networks, node, registry } from './settings.ts';

// Registries that manifests name: all images come from the cluster's own.
const MIRRORED = [registry.name, 'docker.io', 'registry.example.com', 'registry.k8s.io', 'gcr.io'];
const certificates = join(paths.run, 'registries');
const cni = join(paths.run, 'cni');

/** kube-proxy ends itself when its file is written again, so only where it changes. */
async function put(file: string, content: string): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => '')) !== content) await writeFile(file, content);
}

const containerdConfig = `version = 3
root = "${paths.containerdData}"
state = "${paths.state}/containerd"
[grpc]
  address = "${paths.containerd}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "${registry.name}/pause:3.10"
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = "${certificates}"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true # The root of a virtual machine may lack CAP_SYS_RESOURCE.
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "${cni}"
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        BinaryName = "/usr/sbin/runc"
        SystemdCgroup = false
`;

const network = {
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'ptp',
      ipMasq: false,
      ipam: {
        type: 'host-local',
        dataDir: `${paths.state}/ipam`,
        ranges: [[{ subnet: networks.pods }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

async function startContainerd(): Promise<void> {
  for (const host of MIRRORED) {
    await mkdir(join(certificates, host), { recursive: true });
    const server = `http://${registry.address}`;
    const hosts = `server = "${server}"\n[host."${server}"]\n  capabilities = ["pull", "resolve"]\n`;
    await writeFile(join(certificates, host, 'hosts.toml'), hosts);
  }
  await Promise.all([cni, paths.state].map((folder) => mkdir(folder, { recursive: true })));
  await writeFile(join(cni, '10-pods.conflist'), JSON.stringify(network));
  const file = join(paths.run, 'containerd.toml');
  await put(file, containerdConfig);
  await start({ name: 'containerd', command: binary('containerd'), args: ['--config', file] });
  await until('containerd answers', () => command(binary('ctr'), ['version']).then(() => true), 30_000);
}

const kubeletConfig = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  failCgroupV1: false,
  cgroupDriver: 'cgroupfs',
  containerRuntimeEndpoint: `unix://${paths.containerd}`,
  clusterDNS: [networks.dns],
  clusterDomain: 'cluster.local',
  resolvConf: join(paths.run, 'resolv.conf'),
  failSwapOn: false,
  maxPods: 200,
  podCIDR: networks.pods,
  tlsCertFile: pki('kubelet.crt'),
  tlsPrivateKeyFile: pki('kubelet.key'),
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: pki('ca.crt') },
  },
  authorization: { mode: 'Webhook' },
  evictionHard: {
    'memory.available': '200Mi',
    'nodefs.available': '3%',
    'imagefs.available': '3%',
    'nodefs.inodesFree': '3%',
  },
  serializeImagePulls: false,
};

async function startKubelet(): Promise<void> {
  const file = join(paths.run, 'kubelet.yaml');
  await writeFile(join(paths.run, 'resolv.conf'), `nameserver ${networks.dns}\n`);
  await put(file, stringify(kubeletConfig));
  await start({
    name: 'kubelet',
    command: binary('kubelet'),
    args: [
      `--config=${file}`,
      `--kubeconfig=${kubeconfig('kubelet')}`,
      `--hostname-override=${node.name}`,
      `--node-ip=${node.address}`,
      `--root-dir=${join(paths.run, 'kubelet')}`,
    ],
  });
}

async function startKubeProxy(): Promise<void> {
  const file = join(paths.run, 'kube-proxy.yaml');
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: kubeconfig('kube-proxy') },
    clusterCIDR: networks.pods,
    hostnameOverride: node.name,
    conntrack: { maxPerCore: 0, min: 0, tcpCloseWaitTimeout: '0s', tcpEstablishedTimeout: '0s' },
    bindAddress: node.address,
    metricsBindAddress: '127.0.0.1:10249',
  };
  await put(file, stringify(config));
  await start({ name: 'kube-proxy', command: binary('kube-proxy'), args: [`--config=${file}`] });
}

/** What enforces NetworkPolicies: a plain pod network does not. */
async function startKubeRouter(): Promise<void> {
  await start({
    name: 'kube-router',
    command: binary('kube-router'),
    args: [
      '--run-firewall=true',
      '--run-router=false',
      '--run-service-proxy=false',
      `--kubeconfig=${paths.kubeconfig}`,
      `--hostname-override=${node.name}`,
      `--service-cluster-ip-range=${networks.services}`,
      '--enable-ipv6=false',
      '--health-port=0',
      '--metrics-port=0',
    ],
  });
}

/** @throws with the end of the kubelet's log where the node does not become ready. */
export async function startNode(): Promise<void> {
  if ((await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).trim() !== '1')
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  await startContainerd();
  await startKubelet();
  await startKubeProxy();
  const condition = '--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}';
  const isReady = async () => (await kubectl('get', 'node', node.name, condition)) === 'True';
  await until('the node is ready', isReady, 90_000).catch(async (cause: unknown) => {
    throw new Error(`the node is not ready:\n${await lastLinesOf('kubelet')}`, { cause });
  });
  // It ends itself where the API server does not know the node yet.
  await startKubeRouter();
}

/** Containers and their sandboxes, whose processes containerd does not end with itself. */
export async function removePods(): Promise<void> {
  const crictl = (...args: string[]) => command(binary('crictl'), args, { timeout: 60_000 });
  const pods = (await crictl('pods', '--quiet').catch(() => '')).split('\n').filter((id) => id !== '');
  await Promise.all(
    pods.map(async (id) => {
      await crictl('stopp', id).catch(() => '');
      await crictl('rmp', '--force', id).catch(() => '');
    }),
  );
}

export async function restartKubelet(): Promise<void> {
  await stop('kubelet');
  await startNode();
}

/**
 * What a node's reboot does to its pods: all containers end at once, with their sandboxes and the network of each. The control
 * plane goes on, as on a cluster of several machines.
 */
export async function rebootNode(): Promise<void> {
  await stop('kubelet');
  for (const name of ['kube-proxy', 'kube-router', 'containerd']) await stop(name);
  const shims = (await allProcesses()).filter(
    ({ command: its }) => its.startsWith(binary('containerd-shim-runc-v2')) && its.includes(paths.containerd),
  );
  for (const pid of await familyOf(...shims.map((shim) => shim.pid)))
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended with another one.
    }
  await unmount([`${paths.state}/containerd`, '/run/netns/cni-']);
  await rm(`${paths.state}/containerd`, { recursive: true, force: true });
  await command(binary('kube-proxy'), [`--config=${paths.run}/kube-proxy.yaml`, '--cleanup']).catch(() => '');
  await startNode();
}
