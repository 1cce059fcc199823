/** Whether what a pod's status gives as its address can be a pod's. */
import { BlockList, isIP } from 'node:net';
import type { RunningPod } from '../../shared/kubernetes/init-containers.ts';

/** Why nothing is sent there; `undefined` if all is well. */
export type CheckAddress = (pod: Pick<RunningPod, 'address' | 'onHostNetwork'>) => string | undefined;

// Unspecified, loopback, link-local (a cloud's metadata service is there), multicast and reserved: where no network
// plugin puts a pod, and somebody else answers. (IPv4 addresses in IPv6's clothes are told by the IPv4 ranges.)
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
 * @param podCidrs where pods' addresses are. Whoever names them says it more exactly than we can guess, so nothing else
 *   counts then: a test's pods may well be on loopback.
 */
export function createCheckAddress(podCidrs: readonly string[] | undefined): CheckAddress {
  const isAmong = lookUpIn(podCidrs ?? NO_POD);
  const fault = podCidrs ? 'its address is not in appRolePodCidrs' : 'its address cannot be that of a pod';
  return ({ address = '', onHostNetwork }) => {
    // Any process of the node, or another pod on its network, may listen on that port in its place.
    if (onHostNetwork) return "its address is its node's (hostNetwork)";
    if (isIP(address) === 0) return 'its address is none';
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
