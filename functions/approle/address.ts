/** Whether the address in a pod's status can really be a pod's. */
import { BlockList, isIP } from 'node:net';
import type { RunningPod } from '../../shared/kubernetes/init-containers.ts';

/** Why nothing is sent there; `undefined` if the address is fine. */
export type CheckAddress = (pod: Pick<RunningPod, 'address' | 'onHostNetwork'>) => string | undefined;

// Unspecified, loopback, link-local (a cloud's metadata service), multicast and reserved ranges: no network plugin
// puts a pod there, so somebody else would answer. (BlockList matches IPv4-mapped IPv6 addresses too.)
const NO_POD = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  'fe80::/10',
  'ff00::/8',
];

/**
 * @param podCidrs the ranges of pods' addresses. If configured, only they count, since they are more exact than our
 * guess; a test's pods may well be on loopback.
 */
export function createCheckAddress(podCidrs: readonly string[] | undefined): CheckAddress {
  const isAmong = lookUpIn(podCidrs ?? NO_POD);
  const fault = podCidrs ? 'its address is not in appRolePodCidrs' : 'its address cannot be that of a pod';
  return ({ address = '', onHostNetwork }) => {
    // Any process of the node, or another pod on its network, may listen on that port instead.
    if (onHostNetwork) return "its address is its node's (hostNetwork)";
    if (isIP(address) === 0) return 'its address is not an IP address';
    return isAmong(address) === (podCidrs !== undefined) ? undefined : fault;
  };
}

function lookUpIn(cidrs: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/');
    list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return (address) => list.check(address, familyOf(address));
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
