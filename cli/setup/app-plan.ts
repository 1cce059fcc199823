/** What Vault needs for an application: which pods may have credentials of which database role. */
import * as v from 'valibot';
import type { Operator } from '../../shared/vault/operator.ts';
import { Refusal } from '../refusal.ts';
import type { AppSettings } from './app-settings.ts';
import type { Planned, VaultStep } from './steps.ts';

const strings = v.pipe(
  v.nullish(v.array(v.string()), []),
  v.transform((all) => all ?? []),
);
const Policy = v.object({ data: v.object({ policy: v.string() }) });
const AuthRole = v.object({
  data: v.object({
    bound_service_account_names: strings,
    bound_service_account_namespaces: strings,
    token_policies: strings,
  }),
});
const Mount = v.object({ data: v.object({ type: v.string() }) });
const DatabaseRole = v.object({ data: v.object({ db_name: v.string() }) });
const Connection = v.object({
  data: v.object({ connection_details: v.object({ connection_url: v.optional(v.string(), '') }) }),
});

/** Credentials of this role only; and the right to revoke them, so that Vault confirms the revocation at once. */
export const policyText = ({ mount, role }: AppSettings): string => `path "${mount}/creds/${role}" {
  capabilities = ["read"]
}
path "sys/leases/revoke" {
  capabilities = ["update"]
  allowed_parameters = {
    "lease_id" = ["${mount}/creds/${role}/*"]
    "sync"     = []
  }
}
`;

const authRoleBody = ({ namespace, serviceAccount, name }: AppSettings) => ({
  bound_service_account_names: [serviceAccount],
  bound_service_account_namespaces: [namespace],
  token_policies: [name],
});

export interface AppState {
  readonly policy: string | undefined;
  readonly authRole: v.InferOutput<typeof AuthRole>['data'] | undefined;
  /** Address of its database, without user and password; for the pod's annotations. */
  readonly connectionUrl: string | undefined;
}

/** @throws Refusal if a prerequisite is missing that this command does not create, or the name is taken. */
export async function lookAtApp(vault: Operator, settings: AppSettings): Promise<AppState> {
  const { authPath, mount, role } = settings;
  const named = { name: settings.name };
  const at = (operation: string, ...path: VaultStep['path']) => ({ operation, path });
  const auth = await vault.read(at('look at the auth method', 'sys/auth', authPath), Mount);
  if (auth?.data.type !== 'kubernetes')
    throw new Refusal(
      `Vault has no Kubernetes auth method at "auth/${authPath}": use another --auth-path, or set it up first (vault auth enable -path=${authPath} kubernetes, and its config)`,
    );
  const database = await vault.read(
    at('read the database role', mount, 'roles', { name: role }),
    DatabaseRole,
  );
  if (!database)
    throw new Refusal(
      `"${mount}" in Vault has no database role "${role}": create it first (npx vault-db-injector setup database), or use another --mount or --role`,
    );
  const connection = await vault.read(
    at('read the connection', mount, 'config', { name: database.data.db_name }),
    Connection,
  );
  const policy = await vault.read(at('read the policy', 'sys/policies/acl', named), Policy);
  const authRole = await vault.read(at('read the auth role', 'auth', authPath, 'role', named), AuthRole);
  if (authRole) mustBeTheirs(settings, authRole.data);
  return {
    policy: policy?.data.policy,
    authRole: authRole?.data,
    connectionUrl: connection?.data.connection_details.connection_url,
  };
}

/** `a-b` of `c` and `a` of `b-c` would get the same name. */
function mustBeTheirs(
  { name, ...settings }: AppSettings,
  found: v.InferOutput<typeof AuthRole>['data'],
): void {
  const expected = [[settings.serviceAccount], [settings.namespace]];
  const bound = [found.bound_service_account_names, found.bound_service_account_namespaces];
  if (JSON.stringify(bound) === JSON.stringify(expected)) return;
  throw new Refusal(
    `auth role "${name}" already exists, for service accounts ${bound[0]?.join(', ')} of namespaces ${bound[1]?.join(', ')}: use another --name`,
  );
}

export function appPlan(settings: AppSettings, state: AppState): Planned<VaultStep>[] {
  const { name, authPath, role } = settings;
  const body = authRoleBody(settings);
  // Compared as a whole: a path may occur with fewer capabilities, or only in a comment.
  const allowed = `\n${state.policy ?? ''}\n`.includes(`\n${policyText(settings)}`);
  const policies = state.authRole?.token_policies ?? [];
  return [
    {
      step: {
        kind: 'vault',
        title: `policy ${name}: credentials of ${role}`,
        path: ['sys/policies/acl', { name }],
        // What it already allows, for example another database, stays.
        body: { policy: `${state.policy ? `${state.policy.trimEnd()}\n` : ''}${policyText(settings)}` },
      },
      state: allowed ? 'there' : state.policy === undefined ? 'missing' : 'different',
    },
    {
      step: {
        kind: 'vault',
        title: `auth role ${name}: pods of ${settings.namespace}/${settings.serviceAccount}`,
        path: ['auth', authPath, 'role', { name }],
        body: { ...body, token_policies: [...new Set([...policies, name])] },
      },
      state: policies.includes(name) ? 'there' : state.authRole === undefined ? 'missing' : 'different',
    },
  ];
}
