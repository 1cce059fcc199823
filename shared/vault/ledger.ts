/**
 * The ledger: one record a grant in Vault's KV v2, at `<mount>/data/<prefix>/<uuid>`
 * (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2). The first six fields are the reference injector's.
 */
import type { Secret } from '../secret.ts';
import { vaultPath } from './path.ts';
import type { Work } from './requests.ts';
import type { Session } from './session.ts';

export interface LedgerRecord {
  readonly leaseId: string;
  readonly token: Secret;
  readonly namespace: string;
  readonly serviceAccountName: string;
  /** Empty for a pod of `generateName`: it has no name yet when it is admitted. */
  readonly podName: string;
  readonly nodeName: string;
  /** Ours: what the reference injector does not write. */
  readonly database: string;
  readonly mount: string;
  readonly role: string;
  readonly userName: string;
  readonly leaseTtlSeconds: number;
  readonly tokenPeriodSeconds: number;
}

export interface Ledger {
  write(uuid: string, record: LedgerRecord, work: Work): Promise<void>;
  /** Deletes the record with all its versions; one that is not there is success. */
  remove(uuid: string, work: Work): Promise<void>;
}

export interface LedgerOptions {
  readonly session: Pick<Session, 'send'>;
  readonly mount: string;
  readonly prefix: string;
}

export function createLedger({ session, mount, prefix }: LedgerOptions): Ledger {
  return {
    async write(uuid, record, work) {
      const path = vaultPath(mount, 'data', prefix, { name: uuid });
      const body = { data: fieldsOf(record) };
      await session.send({ operation: 'write the ledger', method: 'POST', path, body, work });
    },
    async remove(uuid, work) {
      const path = vaultPath(mount, 'metadata', prefix, { name: uuid });
      await session.send({ operation: 'delete a record of the ledger', method: 'DELETE', path, work });
    },
  };
}

function fieldsOf(record: LedgerRecord): Record<string, string | number> {
  return {
    LeaseId: record.leaseId,
    TokenId: record.token.reveal(),
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
  };
}
