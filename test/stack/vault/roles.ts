import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VaultApi } from './api.ts';
import { authPath, connection, databaseMount } from './names.ts';

type DatabaseRoleOptions = {
  name: string;
  /** The PostgreSQL role that the users it makes are members of and act as. */
  group?: string;
  /** Seconds, or a duration such as `5m`. */
  defaultTtl?: number | string;
  maxTtl?: number | string;
  creationStatements?: readonly string[];
  revocationStatements?: readonly string[];
};

/** A role of the database engine, made as `gule-rw` in the reference where nothing else is said. */
export const addDatabaseRole = async (vault: VaultApi, options: DatabaseRoleOptions): Promise<void> => {
  const { name, group = 'demo-rw', defaultTtl = 3600, maxTtl } = options;
  await vault.call('POST', `${databaseMount}/roles/${name}`, {
    db_name: connection,
    default_ttl: defaultTtl,
    ...(maxTtl === undefined ? {} : { max_ttl: maxTtl }),
    creation_statements: options.creationStatements ?? [
      `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE "${group}";`,
      `ALTER ROLE "{{name}}" SET ROLE "${group}";`,
    ],
    revocation_statements: options.revocationStatements ?? ['DROP ROLE "{{name}}";'],
  });
};

export type AuthRoleOptions = {
  name: string;
  serviceAccounts: readonly string[];
  namespaces: readonly string[];
  policies: readonly string[];
  /** Seconds. */
  tokenTtl?: number;
  audience?: string;
  /** Anything else that the auth method knows, by its own names. */
  more?: Record<string, unknown>;
};

/** A role of the Kubernetes auth method. */
export const addAuthRole = async (vault: VaultApi, options: AuthRoleOptions): Promise<void> => {
  await vault.call('POST', `auth/${authPath}/role/${options.name}`, {
    bound_service_account_names: options.serviceAccounts,
    bound_service_account_namespaces: options.namespaces,
    token_policies: options.policies,
    token_ttl: options.tokenTtl ?? 3600,
    token_bound_cidrs: ['127.0.0.0/8'],
    ...(options.audience === undefined ? {} : { audience: options.audience }),
    ...options.more,
  });
};

export const addPolicy = async (vault: VaultApi, name: string, policy: string): Promise<void> => {
  await vault.call('PUT', `sys/policies/acl/${name}`, { policy });
};

export const readPolicy = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, `${name}.hcl`), 'utf8');

export type AppRoleOptions = Omit<DatabaseRoleOptions, 'name'> & {
  /** Name of the auth role, the policy and the database role alike, as in the reference. */
  name: string;
  /** Where the database role has another name. */
  databaseRole?: string;
  serviceAccounts?: readonly string[];
  namespaces?: readonly string[];
  /** Replaces its own policy. */
  policies?: readonly string[];
  /** Options of the auth role, see AuthRoleOptions. */
  more?: Record<string, unknown>;
};

/** All that an application needs: database role, a policy that allows it and nothing else, auth role. */
export const addAppRole = async (vault: VaultApi, options: AppRoleOptions): Promise<void> => {
  const { name, databaseRole = name, more = {} } = options;
  await addDatabaseRole(vault, { ...options, name: databaseRole });
  const policy = await readPolicy('gule-rw');
  await addPolicy(vault, name, policy.replace('creds/gule-rw', `creds/${databaseRole}`));
  await addAuthRole(vault, {
    name,
    serviceAccounts: options.serviceAccounts ?? ['vault-pgsql-example'],
    namespaces: options.namespaces ?? ['team-infrastructure'],
    policies: options.policies ?? [name],
    more,
  });
};
