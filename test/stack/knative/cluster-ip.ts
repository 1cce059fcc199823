/** Addresses of Kubernetes Services on this machine: what kube-proxy would lead to a pod is on the loopback interface. */
import { randomInt } from 'node:crypto';
import { execa, execaSync } from 'execa';
import { guardAddress } from '../process/guard.ts';

const device = ['dev', 'lo'] as const;

export type ClusterIp = {
  address: string;
  /** Takes it off the interface again. */
  release(): void;
};

/** An address of the API server's service range that nobody has, or undefined where this user may not add one. */
export const claimClusterIp = async (attempts = 5): Promise<ClusterIp | undefined> => {
  const address = `10.96.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const { exitCode, stderr } = await execa('ip', ['address', 'add', `${address}/32`, ...device], {
    reject: false,
  });
  if (exitCode === 0) {
    const unguard = guardAddress(address);
    const release = () => {
      unguard();
      execaSync('ip', ['address', 'delete', `${address}/32`, ...device], { reject: false });
    };
    return { address, release };
  }
  return stderr?.includes('exists') && attempts > 1 ? claimClusterIp(attempts - 1) : undefined;
};
