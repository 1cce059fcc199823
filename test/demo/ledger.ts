/** The ledger as it stands in Vault's KV, read with the root token. */
import { v7 as newUuid } from 'uuid';
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
const Stored = v.object({ data: v.object({ data: v.looseObject({}) }) });
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

/** The same grant, as if it had been issued so much earlier: the time of issue is part of its uuid. */
export async function ageRecord(uuid: string, byMs: number, { stack }: Demo): Promise<void> {
  const at = (name: string) => `${secretName}/data/${secretPrefix}/${name}`;
  const { data } = v.parse(Stored, await stack.vault.call('GET', at(uuid)));
  await stack.vault.call('POST', at(newUuid({ msecs: Date.now() - byMs })), { data: data.data });
  await stack.vault.call('DELETE', `${secretName}/metadata/${secretPrefix}/${uuid}`);
}

/** The lease of a grant. */
export async function leaseOf(uuid: string, demo: Demo): Promise<string> {
  return (await readRecord(uuid, demo)).LeaseId;
}
