/**
 * Stands for the Go injector of the reference document, of its versions 2.x, whose program is not here: what it leaves in
 * Vault and in the cluster, and what its renewer and its revoker do there, call by call. Nothing of ours is in it.
 */
import { v1 as newUuid } from 'uuid';
import * as v from 'valibot';
import { requestToken } from '../../stack/kubernetes/objects.ts';
import { createVaultApi, type VaultApi } from '../../stack/vault/api.ts';
import { authPath, databaseMount, injectorRole, secretName } from '../../stack/vault/names.ts';
import { addAuthRole } from '../../stack/vault/roles.ts';
import type { Given } from '../support/fleet.ts';
import { createPod, type PodWishes, podWith, uuidsOf } from '../support/pods.ts';
import { stack } from '../support/stack.ts';

export const UUID_ANNOTATION = 'db-creds-injector.numberly.io/uuid';
const account = { namespace: 'vault-injector', serviceAccount: 'kube-vault-db-injector' };
const TOKEN_TTL = '768h';
const LEASE_SECONDS = 5 * 86_400;
const TOO_YOUNG_MS = 10 * 60_000;

const Auth = v.object({ auth: v.object({ client_token: v.string() }) });
const Credentials = v.object({
  lease_id: v.string(),
  data: v.object({ username: v.string(), password: v.string() }),
});
/** All that it reads of a record, and all that it writes. */
const Fields = v.object({
  LeaseId: v.string(),
  TokenId: v.string(),
  Namespace: v.string(),
  ServiceAccountName: v.optional(v.string(), ''),
  PodName: v.optional(v.string(), ''),
  NodeName: v.optional(v.string(), ''),
});
const Stored = v.object({ data: v.object({ data: v.nullable(Fields) }) });
const Keys = v.object({ data: v.object({ keys: v.array(v.string()) }) });
const Lease = v.object({ data: v.object({ issue_time: v.string() }) });
const PodList = v.object({
  items: v.array(
    v.object({
      metadata: v.object({
        name: v.string(),
        annotations: v.optional(v.record(v.string(), v.string()), {}),
      }),
      spec: v.object({ serviceAccountName: v.string(), nodeName: v.optional(v.string(), '') }),
    }),
  ),
});

export type ReferenceRecord = v.InferOutput<typeof Fields>;
type Listed = readonly (readonly [uuid: string, record: ReferenceRecord])[];

export interface ReferencePlace {
  /** `vaultSecretPrefix` */
  readonly prefix: string;
  /** `injectorLabel` */
  readonly label: string;
}

interface Asked {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly role: string;
}

export interface ReferenceSweep {
  /** How much later than it really is. */
  readonly later?: number;
  /** What happens after it has listed ledger and pods, before it does anything. */
  readonly meanwhile?: () => Promise<unknown>;
}

export type ReferenceInjector = Awaited<ReturnType<typeof createReferenceInjector>>;

/** Logs in as it does: by its own service account, with the single policy of its document. */
async function login(): Promise<VaultApi> {
  const { address } = stack.description.vault;
  const jwt = await requestToken(stack.kubernetes, account, []);
  const path = `auth/${authPath}/login`;
  const answer = await createVaultApi({ address }).call('POST', path, { role: account.serviceAccount, jwt });
  return as(v.parse(Auth, answer).auth.client_token);
}

const as = (token: string): VaultApi => createVaultApi({ address: stack.description.vault.address, token });

async function orphanToken(vault: VaultApi, period: string, policy: string): Promise<string> {
  const body = { period, display_name: 'injector-orphan-token', policies: [policy] };
  return v.parse(Auth, await vault.call('POST', 'auth/token/create-orphan', body)).auth.client_token;
}

/** Revocations by others are ignored. */
async function unlessGone(vault: VaultApi, path: string, body: object, gone: RegExp): Promise<void> {
  const { status, body: said } = await vault.ask('PUT', path, body);
  if (status >= 300 && !gone.test(said)) throw new Error(`${path}: ${status} ${said}`);
}

/** Its records, in their folder of the ledger. */
function recordsOf(vault: VaultApi, prefix: string) {
  const data = (uuid: string) => `${secretName}/data/${prefix}/${uuid}`;
  const metadata = (uuid: string) => `${secretName}/metadata/${prefix}/${uuid}`;
  const store = (uuid: string, record: ReferenceRecord) => vault.call('PUT', data(uuid), { data: record });

  async function remove(uuid: string): Promise<void> {
    await vault.call('DELETE', data(uuid));
    await vault.call('DELETE', metadata(uuid));
  }

  async function read(uuid: string): Promise<ReferenceRecord | undefined> {
    const { status, body } = await vault.ask('GET', data(uuid));
    return status === 404 ? undefined : (v.parse(Stored, JSON.parse(body)).data.data ?? undefined);
  }

  /** An invalid record is deleted for good. */
  async function list(): Promise<Listed> {
    const { status, body } = await vault.ask('LIST', metadata('').slice(0, -1));
    const keys = status === 404 ? [] : v.parse(Keys, JSON.parse(body)).data.keys;
    const found = await Promise.all(
      keys.map(async (key) => {
        const uuid = key.replace(/\/$/, '');
        const record = await read(uuid);
        if (!record) await remove(uuid);
        return record ? [[uuid, record] as const] : [];
      }),
    );
    return found.flat();
  }

  return { store, remove, read, list };
}

/** Lists pods of all phases, in all namespaces; a uuid's namespace is not compared with the record's. */
async function podsByUuid(label: string) {
  const { items } = v.parse(
    PodList,
    await stack.kubernetes.call('GET', `/api/v1/pods?labelSelector=${label}%3Dtrue`),
  );
  if (items.length === 0) throw new Error('no pods found in the cluster');
  return new Map(items.flatMap((pod) => uuidsOf(pod).map((uuid) => [uuid, pod] as const)));
}

const revokeToken = (by: VaultApi, { TokenId: token }: ReferenceRecord) =>
  unlessGone(by, 'auth/token/revoke-orphan', { token }, /token to revoke not found/);

async function isTooYoung(by: VaultApi, { LeaseId }: ReferenceRecord, now: number): Promise<boolean> {
  const { status, body } = await by.ask('PUT', 'sys/leases/lookup', { lease_id: LeaseId });
  if (status !== 200) return false;
  return now - Date.parse(v.parse(Lease, JSON.parse(body)).data.issue_time) < TOO_YOUNG_MS;
}

async function renew(by: VaultApi, record: ReferenceRecord): Promise<void> {
  const token = { token: record.TokenId, increment: 300 };
  await unlessGone(by, 'auth/token/renew', token, /token not found/);
  const lease = { lease_id: record.LeaseId, increment: LEASE_SECONDS };
  await unlessGone(by, 'sys/leases/renew', lease, /lease not found/);
}

export async function createReferenceInjector({ prefix, label }: ReferencePlace) {
  const { serviceAccount: name, namespace } = account;
  await stack.kubernetes.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
  await addAuthRole(stack.vault, {
    name,
    serviceAccounts: [name],
    namespaces: [namespace],
    policies: [injectorRole],
  });
  const vault = await login();
  const records = recordsOf(vault, prefix);

  /** The pod in a request to its webhook; it has neither name nor node yet. */
  async function issue({ namespace, serviceAccount, role }: Asked) {
    const uuid = newUuid();
    const token = await orphanToken(vault, TOKEN_TTL, role);
    const answer = await as(token).call('GET', `${databaseMount}/creds/${role}`);
    const { lease_id: LeaseId, data: issued } = v.parse(Credentials, answer);
    await records.store(uuid, {
      LeaseId,
      TokenId: token,
      Namespace: namespace,
      ServiceAccountName: serviceAccount,
      PodName: '',
      NodeName: '',
    });
    const { username: user, password } = issued;
    const env = [
      { name: 'DBUSER', value: user },
      { name: 'DBPASSWORD', value: password },
    ];
    return { uuid, env, user, password };
  }

  return {
    issue,

    /** A pod of its, stored with its annotation: the stack's guard lets these through. */
    async pod(wishes: PodWishes & { readonly role?: string } = {}): Promise<Given> {
      const { role = 'gule-rw' } = wishes;
      const labels = { [label]: 'true', 'stack.test/unguarded': 'true' };
      const asked = podWith({ role }, { ...wishes, labels });
      const { metadata, spec } = asked;
      const { namespace } = metadata;
      const { uuid, env, user, password } = await issue({
        namespace,
        serviceAccount: spec.serviceAccountName ?? '',
        role,
      });
      const { metadata: stored } = await createPod({
        ...asked,
        metadata: { ...metadata, annotations: { ...metadata.annotations, [UUID_ANNOTATION]: uuid } },
        spec: { ...spec, containers: spec.containers.map((one) => ({ ...one, env })) },
      });
      return { namespace, name: stored.name, uuid, uuids: [uuid], user, password };
    },

    record: records.read,

    /** Its renewer: every record, due or not; what has no pod is revoked and deleted. */
    async sweep({ later = 0, meanwhile = async () => {} }: ReferenceSweep = {}): Promise<void> {
      const [listed, pods] = [await records.list(), await podsByUuid(label)];
      const own = as(await orphanToken(vault, '1h', injectorRole));
      await meanwhile();
      await Promise.all(
        listed.map(async ([uuid, record]) => {
          const pod = pods.get(uuid);
          if (!pod) {
            if (await isTooYoung(own, record, Date.now() + later)) return;
            await revokeToken(own, record);
            await records.remove(uuid);
            return;
          }
          await renew(own, record);
          if (record.ServiceAccountName && record.PodName && record.NodeName) return;
          // All six fields of it, and no other.
          await records.store(uuid, {
            ...record,
            ServiceAccountName: pod.spec.serviceAccountName,
            PodName: pod.metadata.name,
            NodeName: pod.spec.nodeName,
          });
        }),
      );
      await own.call('PUT', 'auth/token/revoke-self');
    },

    /** Its revoker, that was told of a deletion: the token ends, the record is left to the renewer. */
    async deleted({ uuids }: Pick<Given, 'uuids'>): Promise<void> {
      for (const uuid of uuids) {
        const record = await records.read(uuid);
        if (record) await revokeToken(vault, record);
      }
    },
  };
}
