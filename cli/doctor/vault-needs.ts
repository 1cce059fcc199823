/**
 * What each process does in Vault, by path: the policies in knative/vault allow exactly this, and a test keeps both
 * in step.
 */
import type { VaultOptions } from '../../shared/vault/index.ts';
import type { ProcessName } from '../processes.ts';

export interface Need {
  /** A path as in a policy: `+` is one segment, `*` the rest. */
  readonly path: string;
  readonly capabilities: readonly string[];
}

export interface NeedsOptions extends Pick<VaultOptions, 'authPath' | 'ledgerMount' | 'ledgerPrefix'> {
  readonly tokenReference: 'token' | 'accessor';
  readonly maxGrantsPerRole: number | undefined;
  /** Set if Vault is used as the pods' own service accounts. */
  readonly projectedServiceAccount?: object | undefined;
}

const OF_EVERY_LOGIN: readonly Need[] = [
  { path: 'sys/capabilities-self', capabilities: ['update'] },
  { path: 'auth/token/revoke-self', capabilities: ['update'] },
];
const OF_A_LONG_LOGIN: readonly Need[] = [
  ...OF_EVERY_LOGIN,
  { path: 'auth/token/renew-self', capabilities: ['update'] },
];

const NEEDS: Readonly<Record<ProcessName, (options: NeedsOptions) => readonly Need[]>> = {
  admission: (options) => ofAdmission(options),
  renewal: (options) => [
    { path: `${options.ledgerMount}/metadata/${options.ledgerPrefix}`, capabilities: ['list'] },
    ...ending(options, options.tokenReference === 'accessor' ? ['delete', 'update'] : ['delete']),
    {
      path: `${options.ledgerMount}/data/${options.ledgerPrefix}-sweep/*`,
      capabilities: ['create', 'read', 'update'],
    },
    {
      path: `${options.ledgerMount}/metadata/${options.ledgerPrefix}-sweep/*`,
      capabilities: ['create', 'update'],
    },
    ...byReference(options, 'auth/token/renew'),
    { path: 'sys/leases/renew', capabilities: ['update'] },
    { path: 'sys/leases/revoke', capabilities: ['update'] },
    ...slots(options, ['create', 'delete', 'list', 'update']),
    ...OF_EVERY_LOGIN,
  ],
  revocation: (options) => [
    ...ending(options, ['delete']),
    // Processes other than these use the pods' own tokens.
    ...(options.tokenReference === 'accessor'
      ? [{ path: 'sys/leases/revoke', capabilities: ['update'] }]
      : []),
    ...slots(options, ['delete']),
    ...OF_A_LONG_LOGIN,
  ],
};

const ofAdmission = (options: NeedsOptions): readonly Need[] => {
  const { authPath, ledgerMount: mount, ledgerPrefix: prefix } = options;
  const forPods = [
    { path: `auth/${authPath}/role/+`, capabilities: ['read'] },
    { path: 'auth/token/create-orphan', capabilities: ['update', 'sudo'] },
  ];
  return [
    ...(options.projectedServiceAccount ? [] : forPods),
    { path: `${mount}/data/${prefix}/+`, capabilities: ['create', 'update'] },
    { path: 'auth/token/revoke', capabilities: ['update'] },
    { path: `${mount}/metadata/${prefix}/+`, capabilities: ['delete'] },
    { path: `${mount}/data/${prefix}-sweep/last-*`, capabilities: ['read'] },
    { path: `${mount}/data/${prefix}-sweep/+/last-*`, capabilities: ['read'] },
    ...slots(options, ['create', 'delete', 'list', 'update']),
    ...OF_A_LONG_LOGIN,
  ];
};

const ending = (options: NeedsOptions, ofRecord: readonly string[]): readonly Need[] => [
  { path: `${options.ledgerMount}/data/${options.ledgerPrefix}/+`, capabilities: ['read', 'update'] },
  { path: `${options.ledgerMount}/metadata/${options.ledgerPrefix}/+`, capabilities: ofRecord },
  ...byReference(options, 'auth/token/revoke'),
  { path: 'sys/leases/lookup', capabilities: ['update'] },
];

const slots = (options: NeedsOptions, capabilities: readonly string[]): readonly Need[] =>
  options.maxGrantsPerRole === undefined
    ? []
    : [{ path: `${options.ledgerMount}/metadata/${options.ledgerPrefix}-held/*`, capabilities }];

/** Older records contain tokens, whatever new ones contain. */
const byReference = ({ tokenReference }: NeedsOptions, path: string): readonly Need[] =>
  (tokenReference === 'accessor' ? [path, `${path}-accessor`] : [path]).map((one) => ({
    path: one,
    capabilities: ['update'],
  }));

export const vaultNeeds = (process: ProcessName, options: NeedsOptions): readonly Need[] =>
  NEEDS[process](options);

/** An example of the paths that a policy's path matches: Vault reports capabilities for paths without wildcards only. */
export const examplePath = ({ path }: Need): string => path.replaceAll(/[+*]/g, 'any');

/** One sentence per path with missing capabilities. */
export function lacking(needed: readonly Need[], granted: ReadonlyMap<string, readonly string[]>): string[] {
  return needed.flatMap((need) => {
    const held = granted.get(examplePath(need)) ?? [];
    const missing = held.includes('root') ? [] : need.capabilities.filter((one) => !held.includes(one));
    return missing.length > 0 ? [`${missing.join(', ')} on ${need.path}`] : [];
  });
}
