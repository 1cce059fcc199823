import { join } from 'node:path';
import { stackRoot } from '../stack/paths.ts';

/** All that the cluster is made of and keeps, beside the stack's own. */
const clusterRoot = join(stackRoot, 'cluster');
const run = join(clusterRoot, 'run');

export const paths = {
  bin: join(clusterRoot, 'bin'),
  /** Images of the parts: built once, kept when the cluster goes. */
  images: join(clusterRoot, 'images'),
  registryData: join(clusterRoot, 'registry'),
  containerdData: join(clusterRoot, 'containerd'),
  /** The state of one cluster. */
  run,
  pids: join(run, 'pids'),
  logs: join(run, 'logs'),
  pki: join(run, 'pki'),
  etcd: join(run, 'etcd'),
  manifests: join(run, 'manifests'),
  kubeconfig: join(run, 'admin.kubeconfig'),
  environment: join(run, 'env'),
  /** Which process works on the cluster. */
  lock: join(clusterRoot, 'lock'),
  root: clusterRoot,
  /** Which checkout's cluster this machine has: there is one of them. */
  owner: '/run/vdi/owner',
  /** Short, since the sockets of containers are below it. */
  state: '/run/vdi',
  containerd: '/run/vdi/containerd.sock',
} as const;

export const binary = (name: string): string => join(paths.bin, name);

/** Where programs are looked for: the cluster's, the stack's, the machine's. */
export const programPath = (): string =>
  [paths.bin, join(stackRoot, 'bin'), process.env['PATH'] ?? ''].join(':');
