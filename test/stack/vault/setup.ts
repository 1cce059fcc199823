import { randomBytes } from 'node:crypto';
import { type Postgres, query } from '../postgres.ts';
import type { VaultApi } from './api.ts';
import {
  appRolePath,
  audience,
  authPath,
  connection,
  databaseMount,
  injectorRole,
  processRoles,
  secretName,
} from './names.ts';
import { processPolicy } from './policies.ts';
import { addAppRole, addAuthRole, addPolicy, readPolicy } from './roles.ts';

const databaseUser = 'vault';

/** The group that the reference's users belong to, and the user that Vault makes them with: no superuser. */
const preparePostgres = async (postgres: Postgres): Promise<string> => {
  const password = randomBytes(12).toString('hex');
  await query(
    postgres.url,
    `CREATE ROLE "demo-rw";
     CREATE ROLE "${databaseUser}" WITH LOGIN CREATEROLE PASSWORD '${password}';
     GRANT "demo-rw" TO "${databaseUser}" WITH ADMIN OPTION;
     GRANT CREATE, USAGE ON SCHEMA public TO "demo-rw";`,
  );
  return password;
};

/** Database engine, KV, policies: all of the reference's set-up that does not need Kubernetes. */
export const setUpEngines = async (vault: VaultApi, postgres: Postgres): Promise<void> => {
  const password = await preparePostgres(postgres);
  await vault.call('POST', `sys/mounts/${databaseMount}`, { type: 'database' });
  await vault.call('POST', `${databaseMount}/config/${connection}`, {
    plugin_name: 'postgresql-database-plugin',
    connection_url: `postgres://{{username}}:{{password}}@127.0.0.1:${postgres.port}/postgres?sslmode=disable`,
    username: databaseUser,
    password,
    username_template: '{{.RoleName}}-{{unix_time}}-{{random 8}}',
    // The reference names each role; tests add theirs side by side and would overwrite one another's list.
    allowed_roles: ['*'],
    max_open_connections: 10,
  });
  await vault.call('POST', `sys/mounts/${secretName}`, { type: 'kv', options: { version: '2' } });
  await vault.call('POST', `sys/auth/${appRolePath}`, { type: 'approle' });
  await addPolicy(vault, injectorRole, await readPolicy(injectorRole));
};

export type ClusterAccess = { url: string; caCertificate: string; reviewerToken: string };

/** The Kubernetes auth method with the roles of the injector and of the example applications. */
export const setUpKubernetesAuth = async (vault: VaultApi, cluster: ClusterAccess): Promise<void> => {
  await vault.call('POST', `sys/auth/${authPath}`, { type: 'kubernetes' });
  await vault.call('POST', `auth/${authPath}/config`, {
    kubernetes_host: cluster.url,
    kubernetes_ca_cert: cluster.caCertificate,
    token_reviewer_jwt: cluster.reviewerToken,
    disable_local_ca_jwt: true,
  });
  await addAuthRole(vault, {
    name: injectorRole,
    serviceAccounts: processRoles,
    namespaces: ['vault-injector'],
    policies: [injectorRole],
    audience,
  });
  for (const process of ['admission', 'renewal', 'revocation', 'approle'] as const) {
    const name = `vault-db-injector-${process}`;
    await addPolicy(vault, name, await processPolicy(process));
    await addAuthRole(vault, {
      name,
      serviceAccounts: [name],
      namespaces: ['vault-injector'],
      policies: [name],
      audience,
    });
  }
  await addAppRole(vault, { name: 'gule-rw' });
  await addAppRole(vault, { name: 'other-rw' });
};

/** `name` below the root namespace, made with the root token. */
export const createNamespace = async (root: VaultApi, name: string): Promise<void> => {
  await root.call('POST', `sys/namespaces/${name}`);
};
