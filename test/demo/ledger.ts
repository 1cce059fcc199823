/** The ledger as it stands in Vault's KV, read with the root token. */
import * as v from 'valibot';
import { secretName, secretPrefix } from '../stack/vault/names.ts';
import type { Demo } from './step.ts';

const Keys = v.object({ data: v.object({ keys: v.array(v.string()) }) });
const Fields = v.object({
  LeaseId: v.string(),
  TokenAccessor: v.string(),
  Namespace: v.string(),
  Database: v.string(),
  UserName: v.string(),
  LeaseTtlSeconds: v.number(),
});
const Answer = v.object({ data: v.object({ data: Fields }) });

/** The uuids of all records, sorted: Vault says 404 for a list of nothing. */
export async function listRecords({ stack }: Demo): Promise<string[]> {
  const { status, body } = await stack.vault.ask('LIST', `${secretName}/metadata/${secretPrefix}`);
  return status === 404 ? [] : v.parse(Keys, JSON.parse(body)).data.keys.sort();
}

export async function readRecord(uuid: string, { stack }: Demo) {
  const answer = await stack.vault.call('GET', `${secretName}/data/${secretPrefix}/${uuid}`);
  return v.parse(Answer, answer).data.data;
}

/** The lease of a grant. */
export async function leaseOf(uuid: string, demo: Demo): Promise<string> {
  return (await readRecord(uuid, demo)).LeaseId;
}
