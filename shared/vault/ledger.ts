/**
 * The ledger: one record per grant, at `<mount>/data/<prefix>/<uuid>`. The first six fields are the reference
 * injector's, whose records have no others; the rest are ours. `TokenAccessor` replaces `TokenId` if so configured.
 */
import { validate } from 'uuid';
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { seconds } from '../numbers.ts';
import { NAME_OR_NONE } from '../pod/names.ts';
import { Secret } from '../secret.ts';
import type { Kv } from './kv.ts';
import { isPath } from './path.ts';
import type { Work } from './requests.ts';
import type { TokenReference } from './token-reference.ts';

export interface LedgerRecord {
  readonly leaseId: string;
  readonly token: TokenReference;
  readonly namespace: string;
  readonly serviceAccountName: string;
  /** Empty for a pod with `generateName`: it has no name yet when it is admitted. */
  readonly podName: string;
  readonly nodeName: string;
  readonly database?: string | undefined;
  readonly mount?: string | undefined;
  readonly role?: string | undefined;
  readonly userName?: string | undefined;
  readonly leaseTtlSeconds?: number | undefined;
  readonly tokenPeriodSeconds?: number | undefined;
  /** The pod's cluster; a record without one belongs to the cluster that reads it. */
  readonly clusterId?: string | undefined;
  /** Name of the Secret with the pod's credentials, if they are in one. */
  readonly secretName?: string | undefined;
  /** ISO 8601; set when revoking has begun and Vault has not yet dropped the lease. */
  readonly revokingSince?: string | undefined;
}

export interface StoredRecord {
  readonly record: LedgerRecord;
  readonly writtenAt: Date;
  readonly version: number;
}

/** The ledger's entry is not a valid record: somebody else wrote it, or it is damaged. */
export class UnreadableRecord extends InjectorError {
  constructor() {
    super('record_unreadable', 'a record of the ledger is invalid: fields are missing or malformed');
    this.name = 'UnreadableRecord';
  }
}

export interface Ledger {
  /** @throws UnreadableRecord for one that could not be read back; VaultError */
  write(uuid: string, record: LedgerRecord, work: Work): Promise<void>;
  /**
   * @returns `undefined` if Vault says that there is no such record.
   * @throws UnreadableRecord for an invalid record; DocumentDeleted if its newest version is deleted; VaultError
   */
  read(uuid: string, work: Work): Promise<StoredRecord | undefined>;
  /**
   * Replaces the version that was read, and leaves no other version of the record.
   *
   * @throws VaultError, also if the record was changed or deleted meanwhile.
   */
  replace(uuid: string, record: LedgerRecord, version: number, work: Work): Promise<void>;
  /** Deletes the record with all its versions; one that does not exist is success. */
  remove(uuid: string, work: Work): Promise<void>;
  list(work: Work): Promise<LedgerNames>;
}

/** The entries below the ledger's prefix. */
export interface LedgerNames {
  /** The uuids of all grants. */
  readonly grants: readonly string[];
  /** Names that are not grants: somebody else's entries, or copies of records. */
  readonly others: readonly string[];
}

/**
 * Whether the name is a grant's: a uuid in lower case, as all injectors write it. KV paths are case-sensitive, so any
 * other spelling is another document.
 */
export const isGrantUuid = (name: string): boolean => validate(name) && name === name.toLowerCase();

const MOST_CHARACTERS = 1_024;
const text = v.pipe(v.string(), v.maxLength(MOST_CHARACTERS));
// Namespace and Secret become parts of API server paths, and the lease's folder part of a Vault path.
const named = v.optional(v.pipe(text, v.regex(NAME_OR_NONE)), '');
const Common = v.object({
  LeaseId: v.optional(
    v.pipe(
      text,
      v.check((id) => id === '' || isPath(id)),
    ),
    '',
  ),
  Namespace: v.pipe(text, v.regex(/^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/)),
  ServiceAccountName: named,
  PodName: named,
  NodeName: named,
  Database: v.optional(text),
  Mount: v.optional(text),
  Role: v.optional(text),
  UserName: v.optional(text),
  LeaseTtlSeconds: v.optional(seconds),
  TokenPeriodSeconds: v.optional(seconds),
  ClusterId: v.optional(text),
  SecretName: v.optional(v.pipe(text, v.regex(/^db-creds-[\da-f-]{36}$/))),
  RevokingSince: v.optional(text),
});
const reference = v.pipe(text, v.nonEmpty());
const Fields = v.union([
  v.object({ ...Common.entries, TokenId: reference }),
  v.object({ ...Common.entries, TokenAccessor: reference }),
]);

/** @param prefix of the records in `kv`'s engine. */
export function createLedger(kv: Kv, prefix: string): Ledger {
  const at = (uuid: string) => `${prefix}/${uuid}`;
  return {
    async write(uuid, record, work) {
      await kv.write('a record of the ledger', at(uuid), readable(record), work);
    },
    async replace(uuid, record, version, work) {
      const fields = readable(record);
      // Set before the write, which then drops older versions.
      await kv.keepOneVersion('a record of the ledger', at(uuid), work);
      await kv.write('a record of the ledger', at(uuid), fields, work, version);
    },
    remove: (uuid, work) => kv.remove('a record of the ledger', at(uuid), work),
    async list(work) {
      const names = await kv.list('the ledger', prefix, work);
      // A name with a trailing slash is a folder.
      const documents = names.filter((name) => !name.endsWith('/'));
      const others = documents.filter((name) => !isGrantUuid(name));
      return { grants: others.length === 0 ? documents : documents.filter(isGrantUuid), others };
    },
    async read(uuid, work) {
      const document = await kv.read('a record of the ledger', at(uuid), work);
      if (!document) return undefined;
      const parsed = v.safeParse(Fields, document.data);
      if (!parsed.success) throw new UnreadableRecord();
      const { createdAt: writtenAt, version } = document;
      return { record: recordOf(parsed.output), writtenAt, version };
    },
  };
}

/**
 * An unreadable record can be neither renewed nor revoked.
 *
 * @throws UnreadableRecord
 */
function readable(record: LedgerRecord): object {
  const fields = fieldsOf(record);
  if (!v.is(Fields, fields)) throw new UnreadableRecord();
  return fields;
}

function fieldsOf(record: LedgerRecord): object {
  return {
    LeaseId: record.leaseId,
    ...(record.token instanceof Secret
      ? { TokenId: record.token.reveal() }
      : { TokenAccessor: record.token.accessor }),
    Namespace: record.namespace,
    ServiceAccountName: record.serviceAccountName,
    PodName: record.podName,
    NodeName: record.nodeName,
    Database: record.database,
    Mount: record.mount,
    Role: record.role,
    UserName: record.userName,
    LeaseTtlSeconds: record.leaseTtlSeconds,
    TokenPeriodSeconds: record.tokenPeriodSeconds,
    ClusterId: record.clusterId,
    SecretName: record.secretName,
    RevokingSince: record.revokingSince,
  };
}

function recordOf(fields: v.InferOutput<typeof Fields>): LedgerRecord {
  return {
    leaseId: fields.LeaseId,
    token: 'TokenId' in fields ? new Secret(fields.TokenId) : { accessor: fields.TokenAccessor },
    namespace: fields.Namespace,
    serviceAccountName: fields.ServiceAccountName,
    podName: fields.PodName,
    nodeName: fields.NodeName,
    database: fields.Database,
    mount: fields.Mount,
    role: fields.Role,
    userName: fields.UserName,
    leaseTtlSeconds: fields.LeaseTtlSeconds,
    tokenPeriodSeconds: fields.TokenPeriodSeconds,
    clusterId: fields.ClusterId,
    secretName: fields.SecretName,
    revokingSince: fields.RevokingSince,
  };
}
