import { beforeEach, describe, expect, test } from 'vitest';
import { withSecretDeletion } from '../../../../shared/grants/secret-deletion.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';
import type { LedgerRecord } from '../../../../shared/vault/ledger.ts';
import { RECORD } from '../../../support/ledger-record.ts';
import { newWork } from '../../../support/work.ts';

const OURS = '019a0000-0000-7000-8000-000000000001';
const THEIRS = '2ed3ef02-24ed-11f0-9cd2-0242ac120002';
const record: LedgerRecord = {
  ...RECORD,
  role: 'rw',
  secretName: `db-creds-${OURS}`,
};
const rewritten: LedgerRecord = { ...record, role: undefined, secretName: undefined };

let failure: Error | undefined;
let removed: string[];
let warnings: string[];
let leftToDo: (string | undefined)[];
const revocation = withSecretDeletion(
  {
    revokeGrant: async (_uuid, _record, _work, left) => {
      leftToDo.push(left);
      return { state: 'revoked' };
    },
  },
  {
    remove: async (namespace, name) => {
      removed.push(`${namespace}/${name}`);
      if (failure) throw failure;
    },
  },
  { warn: (message) => void warnings.push(message) },
);
const denied = (message: string) => new KubernetesError('kubernetes_denied', message, 403);

beforeEach(() => {
  failure = undefined;
  [removed, warnings, leftToDo] = [[], [], []];
});

describe('the Secret of a grant', () => {
  test('goes with it', async () => {
    await revocation.revokeGrant(OURS, record, newWork());
    expect([removed, leftToDo]).toEqual([[`team/db-creds-${OURS}`], [undefined]]);
  });

  test('that may not be deleted yet keeps the record, and not the grant', async () => {
    failure = denied('cannot delete resource "secrets"');
    await revocation.revokeGrant(OURS, record, newWork());
    expect(leftToDo).toEqual([expect.stringContaining('cannot be deleted: cannot delete resource')]);
  });

  test("that has become somebody else's stays, and keeps nothing", async () => {
    failure = denied("ValidatingAdmissionPolicy 'vault-db-injector-secrets' denied request: not its type");
    await revocation.revokeGrant(OURS, record, newWork());
    expect([leftToDo, warnings]).toEqual([[undefined], [expect.stringContaining('and stays')]]);
  });

  test('that cannot be reached for is tried again, before the grant', async () => {
    failure = new KubernetesError('kubernetes_unavailable', 'away', 503);
    await expect(revocation.revokeGrant(OURS, record, newWork())).rejects.toBe(failure);
    expect(leftToDo).toEqual([]);
  });
});

describe('a record that the reference injector has written anew', () => {
  test('of one of ours: the Secret that it may have had goes', async () => {
    await revocation.revokeGrant(OURS, rewritten, newWork());
    expect(removed).toEqual([`team/db-creds-${OURS}`]);
  });

  test('of one of ours, where no Secret may be deleted, for there are none: nothing is said', async () => {
    failure = denied('cannot delete resource "secrets"');
    await revocation.revokeGrant(OURS, rewritten, newWork());
    expect([leftToDo, warnings]).toEqual([[undefined], []]);
  });

  test('of one of its own: there never was one', async () => {
    await revocation.revokeGrant(THEIRS, rewritten, newWork());
    expect(removed).toEqual([]);
  });
});
