import { Secret } from '../../shared/secret.ts';
import type { LedgerRecord, StoredRecord } from '../../shared/vault/ledger.ts';

/** A record as every version writes it; tests add the fields that they are about. */
export const RECORD: LedgerRecord = {
  leaseId: 'db/creds/rw/1',
  token: new Secret('s.token'),
  namespace: 'team',
  serviceAccountName: 'web',
  podName: 'web-0',
  nodeName: '',
};

/** The record as the ledger gives it. */
export const storedAs = (record: LedgerRecord, writtenAt = new Date(0)): StoredRecord => ({
  record,
  writtenAt,
  version: 1,
});
