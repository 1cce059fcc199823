/** What there is, in Vault, in PostgreSQL and in the ledger: to be counted before and after. */
import * as v from 'valibot';
import { expect } from 'vitest';
import { query } from '../../stack/postgres.ts';
import { databaseMount, injectorPolicies, secretName, secretPrefix } from '../../stack/vault/names.ts';
import { stack } from './stack.ts';

export interface Census {
  /** Accessors. */
  readonly tokens: readonly string[];
  readonly leases: readonly string[];
  /** Roles of PostgreSQL. */
  readonly databaseUsers: readonly string[];
  /** Uuids of the ledger's records. */
  readonly records: readonly string[];
}

export const NOTHING: Census = { tokens: [], leases: [], databaseUsers: [], records: [] };

export async function takeCensus(): Promise<Census> {
  const [tokens, leases, databaseUsers, records] = await Promise.all([
    list('auth/token/accessors'),
    listLeases(`sys/leases/lookup/${databaseMount}/creds/`),
    listDatabaseUsers(),
    list(`${secretName}/metadata/${secretPrefix}`),
  ]);
  return { tokens, leases, databaseUsers, records };
}

/** What is there now that was not there then; logins of the functions themselves do not count. */
export async function newSince(then: Census): Promise<Census> {
  const now = await takeCensus();
  const added = (field: keyof Census) => now[field].filter((item) => !then[field].includes(item));
  const tokens = await Promise.all(
    added('tokens').map(async (accessor) => ((await isLogin(accessor)) ? [] : [accessor])),
  );
  return {
    tokens: tokens.flat(),
    leases: added('leases'),
    databaseUsers: added('databaseUsers'),
    records: added('records'),
  };
}

/** Vault goes on for a moment after it has answered a revocation. */
export async function expectNothingNewSince(then: Census): Promise<void> {
  await expect.poll(() => newSince(then), { timeout: 10_000 }).toEqual(NOTHING);
}

async function isLogin(accessor: string): Promise<boolean> {
  const token = await lookUpAccessor(accessor);
  return token?.policies.some((policy) => injectorPolicies.includes(policy)) ?? true;
}

const Keys = v.object({ data: v.object({ keys: v.array(v.string()) }) });

/** Vault says 404 for a list of nothing. */
async function list(path: string): Promise<string[]> {
  const { status, body } = await stack.vault.ask('LIST', path);
  if (status === 404) return [];
  return v.parse(Keys, JSON.parse(body)).data.keys;
}

async function listLeases(folder: string): Promise<string[]> {
  const found = await list(folder);
  const lists = found.map(async (key) => (key.endsWith('/') ? listLeases(folder + key) : [folder + key]));
  return (await Promise.all(lists)).flat().map((lease) => lease.replace(/^sys\/leases\/lookup\//, ''));
}

const RoleRows = v.array(v.object({ rolname: v.string() }));

async function listDatabaseUsers(): Promise<string[]> {
  const rows = await query(stack.description.databaseUrl, 'SELECT rolname FROM pg_roles');
  return v.parse(RoleRows, rows).map(({ rolname }) => rolname);
}

const TokenFacts = v.object({
  data: v.object({
    accessor: v.string(),
    display_name: v.string(),
    orphan: v.boolean(),
    period: v.optional(v.number(), 0),
    ttl: v.number(),
    policies: v.array(v.string()),
    meta: v.nullable(v.record(v.string(), v.string())),
  }),
});
export type TokenFacts = v.InferOutput<typeof TokenFacts>['data'];

/** `undefined` for a token that is gone. */
export async function lookUpAccessor(accessor: string): Promise<TokenFacts | undefined> {
  const { status, body } = await stack.vault.ask('POST', 'auth/token/lookup-accessor', { accessor });
  return status === 200 ? v.parse(TokenFacts, JSON.parse(body)).data : undefined;
}

/** `undefined` for a token that is gone. */
export async function lookUpToken(token: string): Promise<TokenFacts | undefined> {
  const { status, body } = await stack.vault.ask('POST', 'auth/token/lookup', { token });
  return status === 200 ? v.parse(TokenFacts, JSON.parse(body)).data : undefined;
}

const LeaseFacts = v.object({ data: v.object({ ttl: v.number(), renewable: v.boolean() }) });

export async function readLease(leaseId: string) {
  const answer = await stack.vault.call('POST', 'sys/leases/lookup', { lease_id: leaseId });
  return v.parse(LeaseFacts, answer).data;
}

const Record = v.looseObject({
  LeaseId: v.string(),
  TokenAccessor: v.string(),
  Namespace: v.string(),
  ServiceAccountName: v.string(),
  PodName: v.string(),
  NodeName: v.string(),
  Database: v.string(),
  Mount: v.string(),
  Role: v.string(),
  UserName: v.string(),
  LeaseTtlSeconds: v.number(),
  TokenPeriodSeconds: v.number(),
});
export type LedgerRecord = v.InferOutput<typeof Record>;

const RecordAnswer = v.object({ data: v.object({ data: Record }) });

export async function readRecord(uuid: string): Promise<LedgerRecord> {
  const answer = await stack.vault.call('GET', `${secretName}/data/${secretPrefix}/${uuid}`);
  return v.parse(RecordAnswer, answer).data.data;
}

/** Does what the sweep does with an orphan. */
export async function removeRecord(uuid: string): Promise<void> {
  await stack.vault.call('DELETE', `${secretName}/metadata/${secretPrefix}/${uuid}`);
}
