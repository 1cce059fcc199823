/** Read-only view of Vault and of what the injector may do there. */
import * as v from 'valibot';
import { seconds } from '../numbers.ts';
import type { Secret } from '../secret.ts';
import { checked } from './answer.ts';
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import type { VaultRequests, Work } from './requests.ts';
import type { Session } from './session.ts';

interface Health {
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly standby: boolean;
  readonly version: string;
}

interface Mount {
  /** `kv`, `database`, … */
  readonly type: string;
  /** Version of a KV engine; empty if Vault does not say. */
  readonly version: string;
  readonly defaultLeaseSeconds: number;
}

interface KvSettings {
  /** Whether a write must name the version that it replaces (check-and-set). */
  readonly casRequired: boolean;
  /** A duration as Vault writes it; `0s`: documents are kept. */
  readonly deleteVersionAfter: string;
}

interface DatabaseRole {
  readonly name: string;
  /** 0: the mount's default lease duration. */
  readonly defaultTtlSeconds: number;
}

/** Roles of the Kubernetes auth method. */
export interface AuthRole {
  readonly policies: readonly string[];
  readonly boundCidrs: readonly string[];
  /** Empty if any audience is accepted. */
  readonly audience: string;
}

export interface Inspection {
  /**
   * Health of the node that answers, without a login (https://developer.hashicorp.com/vault/api-docs/system/health).
   *
   * @throws VaultError
   */
  health(work: Work): Promise<Health>;
  /** What the injector's login may do, by path (https://developer.hashicorp.com/vault/api-docs/system/capabilities-self). */
  capabilities(paths: readonly string[], work: Work): Promise<ReadonlyMap<string, readonly string[]>>;
  /**
   * Uses the injector's login.
   *
   * @returns `undefined` if there is no such mount, or the injector may see nothing below it.
   */
  mount(path: string, work: Work): Promise<Mount | undefined>;
  /** Uses the token: `hidden` if it may not even know whether the mount exists. */
  anyMount(path: string, work: Work, token: Secret): Promise<Mount | 'absent' | 'hidden'>;
  /**
   * Settings of a KV engine for all documents, by the token or by the injector's login, which usually may not read
   * them.
   *
   * @returns `undefined` if they may not be read.
   */
  kvSettings(mount: string, work: Work, token: Secret | undefined): Promise<KvSettings | undefined>;
  /** When Vault will delete a document's latest version (RFC 3339); empty: never. `undefined`: no such document. */
  kvDeletionTime(mount: string, path: string, work: Work): Promise<string | undefined>;
  /** All roles of a database engine; the injector's own login may not read them. */
  databaseRoles(mount: string, work: Work, token: Secret): Promise<DatabaseRole[]>;
  /** Uses the token, or the injector's login without one. @throws VaultError if it does not exist or may not be read. */
  authRole(authPath: string, name: string, work: Work, token: Secret | undefined): Promise<AuthRole>;
}

const HealthAnswer = v.object({
  initialized: v.boolean(),
  sealed: v.boolean(),
  standby: v.boolean(),
  version: v.optional(v.string(), ''),
});
const CapabilitiesAnswer = v.object({ data: v.record(v.string(), v.unknown()) });
const Capabilities = v.array(v.string());
const MountAnswer = v.object({
  data: v.object({
    type: v.string(),
    options: v.optional(v.nullable(v.object({ version: v.optional(v.string(), '') }))),
    config: v.optional(v.object({ default_lease_ttl: v.optional(seconds, 0) })),
  }),
});
const KvConfigAnswer = v.object({
  data: v.object({
    cas_required: v.optional(v.boolean(), false),
    delete_version_after: v.optional(v.string(), '0s'),
  }),
});
const KvVersionAnswer = v.object({
  data: v.object({ metadata: v.object({ deletion_time: v.optional(v.string(), '') }) }),
});
const RoleNames = v.object({ data: v.object({ keys: v.array(v.string()) }) });
const RoleAnswer = v.object({ data: v.object({ default_ttl: v.optional(seconds, 0) }) });
const strings = v.pipe(
  v.nullish(v.array(v.string()), []),
  v.transform((all) => all ?? []),
);
const AuthRoleAnswer = v.object({
  data: v.object({
    token_policies: strings,
    token_bound_cidrs: strings,
    audience: v.optional(v.string(), ''),
  }),
});

// Any state is an answer here, not a failure.
const WHATEVER = [
  'standbyok=true',
  ...['sealed', 'uninit', 'drsecondary', 'performancestandby'].map((state) => `${state}code=200`),
].join('&');

export function createInspection(
  session: Pick<Session, 'send'>,
  requests: Pick<VaultRequests, 'send'>,
): Inspection {
  const read = (operation: string, path: string, work: Work, token?: Secret) =>
    token === undefined
      ? session.send({ operation, method: 'GET', path, work })
      : requests.send({ operation, method: 'GET', path, work, token });

  async function mountAt(
    folder: string,
    path: string,
    work: Work,
    token?: Secret,
  ): Promise<Mount | 'absent' | 'hidden'> {
    const operation = `look at the mount "${path}"`;
    try {
      const answer = await read(operation, vaultPath(folder, path), work, token);
      const { type, options, config } = checked(MountAnswer, operation, answer).data;
      return { type, version: options?.version ?? '', defaultLeaseSeconds: config?.default_lease_ttl ?? 0 };
    } catch (error) {
      if (error instanceof VaultError && error.status === 403) return 'hidden';
      if (error instanceof VaultError && [400, 404].includes(error.status)) return 'absent';
      throw error;
    }
  }

  return {
    async health(work) {
      const operation = 'report its health';
      const path = `${vaultPath('sys/health')}?${WHATEVER}`;
      return checked(HealthAnswer, operation, await requests.send({ operation, method: 'GET', path, work }));
    },

    async capabilities(paths, work) {
      const operation = 'list its capabilities (sys/capabilities-self)';
      const path = vaultPath('sys/capabilities-self');
      const answer = await session.send({
        operation,
        method: 'POST',
        path,
        body: { paths: [...paths] },
        work,
      });
      const { data } = checked(CapabilitiesAnswer, operation, answer);
      return new Map(paths.map((one) => [one, checked(Capabilities, operation, data[one])]));
    },

    async mount(path, work) {
      const found = await mountAt('sys/internal/ui/mounts', path, work);
      return typeof found === 'string' ? undefined : found;
    },

    async anyMount(path, work, token) {
      const found = await mountAt('sys/mounts', path, work, token);
      if (found !== 'hidden') return found;
      return mountAt('sys/internal/ui/mounts', path, work, token);
    },

    async kvSettings(mount, work, token) {
      const operation = `read the settings of "${mount}"`;
      try {
        const answer = await read(operation, vaultPath(mount, 'config'), work, token);
        const { cas_required, delete_version_after } = checked(KvConfigAnswer, operation, answer).data;
        return { casRequired: cas_required, deleteVersionAfter: delete_version_after };
      } catch (error) {
        if (error instanceof VaultError && error.status === 403) return undefined;
        throw error;
      }
    },

    async kvDeletionTime(mount, path, work) {
      const operation = 'read a record of the ledger';
      try {
        const answer = await read(operation, vaultPath(mount, 'data', path), work);
        return checked(KvVersionAnswer, operation, answer).data.metadata.deletion_time;
      } catch (error) {
        if (error instanceof VaultError && error.status === 404) return undefined;
        throw error;
      }
    },

    async authRole(authPath, name, work, token) {
      const operation = `read the auth role "${name}"`;
      const answer = await read(operation, vaultPath('auth', authPath, 'role', { name }), work, token);
      const { token_policies, token_bound_cidrs, audience } = checked(AuthRoleAnswer, operation, answer).data;
      return { policies: token_policies, boundCidrs: token_bound_cidrs, audience };
    },

    async databaseRoles(mount, work, token) {
      const operation = `read the roles of "${mount}"`;
      const names = await read(operation, `${vaultPath(mount, 'roles')}?list=true`, work, token).catch(
        (error: unknown) => {
          if (error instanceof VaultError && error.isAbsence) return { data: { keys: [] } };
          throw error;
        },
      );
      return Promise.all(
        checked(RoleNames, operation, names).data.keys.map(async (name) => {
          const answer = await read(operation, vaultPath(mount, 'roles', { name }), work, token);
          return { name, defaultTtlSeconds: checked(RoleAnswer, operation, answer).data.default_ttl };
        }),
      );
    },
  };
}
