/** What each process does in Vault, by path: the policies in knative/vault allow this, and a test holds the two together. */
import type { VaultOptions } from '../../shared/vault/index.ts';
import type { ProcessName } from '../processes.ts';

export interface Need {
  /** As a policy has it: `+` is one segment, `*` the rest. */
  readonly path: string;
  readonly capabilities: readonly string[];
}

type Places = Pick<VaultOptions, 'authPath' | 'ledgerMount' | 'ledgerPrefix'>;

const OF_EVERY_LOGIN: readonly Need[] = [
  { path: 'sys/capabilities-self', capabilities: ['update'] },
  { path: 'auth/token/revoke-self', capabilities: ['update'] },
];
const OF_A_LONG_LOGIN: readonly Need[] = [
  ...OF_EVERY_LOGIN,
  { path: 'auth/token/renew-self', capabilities: ['update'] },
];

const NEEDS: Readonly<Record<ProcessName, (places: Places) => readonly Need[]>> = {
  admission: ({ authPath, ledgerMount: mount, ledgerPrefix: prefix }) => [
    { path: `auth/${authPath}/role/+`, capabilities: ['read'] },
    { path: 'auth/token/create-orphan', capabilities: ['update', 'sudo'] },
    { path: `${mount}/data/${prefix}/+`, capabilities: ['create', 'update'] },
    { path: 'auth/token/revoke', capabilities: ['update'] },
    { path: `${mount}/metadata/${prefix}/+`, capabilities: ['delete'] },
    { path: `${mount}/data/${prefix}-sweep/last-*`, capabilities: ['read'] },
    { path: `${mount}/data/${prefix}-sweep/+/last-*`, capabilities: ['read'] },
    ...OF_A_LONG_LOGIN,
  ],
  renewal: (places) => [
    { path: `${places.ledgerMount}/metadata/${places.ledgerPrefix}`, capabilities: ['list'] },
    ...ending(places),
    {
      path: `${places.ledgerMount}/data/${places.ledgerPrefix}-sweep/*`,
      capabilities: ['create', 'read', 'update'],
    },
    {
      path: `${places.ledgerMount}/metadata/${places.ledgerPrefix}-sweep/*`,
      capabilities: ['create', 'update'],
    },
    { path: 'auth/token/renew', capabilities: ['update'] },
    { path: 'sys/leases/renew', capabilities: ['update'] },
    { path: 'sys/leases/revoke', capabilities: ['update'] },
    ...OF_EVERY_LOGIN,
  ],
  revocation: (places) => [...ending(places), ...OF_A_LONG_LOGIN],
};

const ending = ({ ledgerMount: mount, ledgerPrefix: prefix }: Places): readonly Need[] => [
  { path: `${mount}/data/${prefix}/+`, capabilities: ['read', 'update'] },
  { path: `${mount}/metadata/${prefix}/+`, capabilities: ['delete'] },
  { path: 'auth/token/revoke', capabilities: ['update'] },
  { path: 'sys/leases/lookup', capabilities: ['update'] },
];

export const vaultNeeds = (process: ProcessName, places: Places): readonly Need[] => NEEDS[process](places);

/** A path of those that a policy's path stands for: Vault is asked about paths, and takes no wildcards then. */
export const examplePath = ({ path }: Need): string => path.replaceAll(/[+*]/g, 'any');

/** One text for each path on which something is missing. */
export function lacking(needed: readonly Need[], granted: ReadonlyMap<string, readonly string[]>): string[] {
  return needed.flatMap((need) => {
    const held = granted.get(examplePath(need)) ?? [];
    const missing = held.includes('root') ? [] : need.capabilities.filter((one) => !held.includes(one));
    return missing.length > 0 ? [`${missing.join(', ')} on ${need.path}`] : [];
  });
}
