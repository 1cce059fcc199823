/** What there is, in Vault, in PostgreSQL and in the ledger: to be counted before and after. */
import * as v from 'valibot';
import { query } from '../../stack/postgres.ts';
import { databaseMount, secretName, secretPrefix } from '../../stack/vault/names.ts';
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

/** What is there now that was not there then. */
export async function newSince(then: Census): Promise<Census> {
  const now = await takeCensus();
  const added = (field: keyof Census) => now[field].filter((item) => !then[field].includes(item));
  return {
    tokens: added('tokens'),
    leases: added('leases'),
    databaseUsers: added('databaseUsers'),
    records: added('records'),
  };
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
export async function readToken(accessor: string): Promise<TokenFacts | undefined> {
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

const Record = v.strictObject({
  LeaseId: v.string(),
  TokenId: v.string(),
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
