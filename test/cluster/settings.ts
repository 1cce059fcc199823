/** Names, addresses and versions of the cluster. Nothing of it listens outside of loopback and its own bridge. */

/** The only node: this machine, by an address on a bridge that nobody else reaches. */
export const node = { name: 'node', address: '198.18.0.1', bridge: 'vdi0' } as const;

export const networks = {
  services: '10.112.0.0/16',
  apiServer: '10.112.0.1',
  dns: '10.112.0.10',
  pods: '10.244.0.0/24',
} as const;

export const ports = {
  apiServer: 6443,
  registry: 5000,
  vault: 8200,
  postgres: 5432,
  etcd: 12379,
  etcdPeer: 12380,
} as const;

/** As images name it, and as containerd and buildah reach it. */
export const registry = {
  name: `registry.local:${ports.registry}`,
  address: `${node.address}:${ports.registry}`,
} as const;

/** Names by which pods reach what runs on the machine. */
export const hostNames = [
  'registry.local',
  'vault.example.com',
  'postgres.example.com',
  'postgres-server.tld',
] as const;

export const versions = {
  kubernetes: '1.36.3',
  serving: '1.21.0',
  eventing: '1.20.0',
  certManager: 'v1.11.5',
  coredns: 'v1.13.1',
  envoy: '1.40.0',
  prometheusOperator: 'v0.85.0',
  prometheus: 'v3.13.5',
  /** Debian's. */
  pushgateway: 'v1.5.1',
} as const;
