/** This cluster's grants in the ledger, and those that its pods name: who owns each, and its state. */
import type { Config } from '../../shared/config.ts';
import { ownershipOf } from '../../shared/grants/ownership.ts';
import type { Pods } from '../../shared/kubernetes/pods.ts';
import { printable } from '../../shared/secret.ts';
import { uuidTime } from '../../shared/uuid-time.ts';
import type { Ledger, LedgerRecord } from '../../shared/vault/ledger.ts';
import type { GrantState, SweepMemory } from '../../shared/vault/sweep-memory.ts';
import { type RecordParts, readRecords, workOf } from '../records.ts';
import { readMemory } from '../sweep-state.ts';
import { type Claims, readClaims } from './claims.ts';
import { renewalOf, stateOf } from './state.ts';

export interface ListParts extends RecordParts {
  readonly ledger: Pick<Ledger, 'list' | 'read'>;
  readonly sweeps: Pick<SweepMemory, 'readIndex' | 'readLast'>;
  readonly pods: Pick<Pods, 'listLive' | 'listNamespace'>;
  readonly config: Config;
  /** `undefined` if unknown: then no record counts as another cluster's. */
  readonly clusterId: string | undefined;
  readonly now: number;
}

export interface ListedGrant {
  readonly uuid: string;
  readonly namespace: string;
  /** Empty if unknown: a deleted pod with `generateName`. */
  readonly pod: string;
  readonly database: string;
  readonly mount: string;
  readonly role: string;
  readonly user: string;
  /** Milliseconds since 1970, like all times; `undefined`: unknown. */
  readonly issuedAt: number | undefined;
  readonly leaseEndsAt: number | undefined;
  readonly tokenEndsAt: number | undefined;
  readonly renewalAt: number | undefined;
  readonly state: 'ok' | 'overdue' | 'orphaned' | 'unknown';
}

export interface Listing {
  readonly grants: readonly ListedGrant[];
  /** Grants of other clusters under the same prefix: not listed. */
  readonly foreign: number;
}

interface Which {
  /** This namespace only; absent: all. */
  readonly namespace?: string | undefined;
  /** Live pods with these labels only. */
  readonly selector?: string | undefined;
}

export async function listGrants(parts: ListParts, { namespace: only, selector }: Which): Promise<Listing> {
  const { ledger, pods, config, newDeadline, onProgress } = parts;
  onProgress('reading the ledger …');
  const work = workOf(parts);
  const [{ grants: uuids }, memory, claims] = await Promise.all([
    ledger.list(work),
    readMemory(parts.sweeps, config, work),
    readClaims({ pods, label: config.injectorLabel, namespace: only, newDeadline }),
  ]);
  const wanted = uuids.filter((uuid) => {
    const known = memory.grants.get(uuid);
    return only === undefined || !known || known.namespace === only;
  });
  const records = await readRecords(wanted, parts);
  const own = wanted.filter((uuid) => !isForeign(records.get(uuid), parts));
  const unclaimed = own.filter((uuid) => claims.of(uuid).length === 0);
  await claims.addUnlabelled(unclaimed.flatMap((uuid) => records.get(uuid)?.namespace ?? []));
  const rows = [
    ...own.map((uuid) =>
      rowOf({ uuid, record: records.get(uuid), memory: memory.grants.get(uuid) }, claims, parts),
    ),
    ...notInLedger(claims, new Set(uuids)),
  ];
  const isSelected = await selectionOf(selector, parts);
  return {
    grants: rows
      .filter((row) => (only === undefined || row.namespace === only) && isSelected(row))
      .toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1)),
    foreign: wanted.length - own.length,
  };
}

type Selection = (row: Pick<ListedGrant, 'namespace' | 'pod'>) => boolean;

async function selectionOf(
  selector: string | undefined,
  { pods, config, newDeadline }: ListParts,
): Promise<Selection> {
  if (selector === undefined) return () => true;
  const selected = await pods.listLive(`${selector},${config.injectorLabel}`, newDeadline());
  const names = new Set(selected.map(({ namespace, name }) => `${namespace}/${name}`));
  return ({ namespace, pod }) => names.has(`${namespace}/${pod}`);
}

const keyOf = ({ namespace, pod, database, uuid }: ListedGrant) =>
  [namespace, pod, database, uuid].join('\0');

function isForeign(record: LedgerRecord | undefined, { clusterId }: ListParts): boolean {
  return record !== undefined && ownershipOf(record, clusterId) === 'foreign';
}

interface Known {
  readonly uuid: string;
  /** `undefined` if it cannot be read. */
  readonly record: LedgerRecord | undefined;
  /** `undefined` if no sweep has seen it. */
  readonly memory: GrantState | undefined;
}

function rowOf({ uuid, record, memory }: Known, claims: Claims, { config, now }: ListParts): ListedGrant {
  const namespace = record?.namespace ?? memory?.namespace ?? '';
  const pod = claims.of(uuid).find((claim) => claim.namespace === namespace);
  const times = timesOf(uuid, record, memory, now);
  return {
    uuid,
    namespace,
    pod: pod?.name ?? record?.podName ?? '',
    ...databaseOf(record),
    ...times,
    state: record ? stateOf({ ...times, isClaimed: pod !== undefined }, config, now) : 'unknown',
  };
}

function databaseOf(record: Partial<LedgerRecord> = {}) {
  const { database = '', mount = '', role = '', userName: user = '' } = record;
  return { database, mount, role, user };
}

/** The sweep's memory knows of renewals, the record only of the issue. */
function timesOf(
  uuid: string,
  record: Partial<LedgerRecord> = {},
  memory: GrantState | undefined,
  now: number,
) {
  const issuedAt = memory?.issuedAt ?? uuidTime(uuid);
  const ends = (renewedAt: number | undefined, seconds: number | undefined) =>
    renewedAt !== undefined && seconds ? renewedAt + seconds * 1_000 : undefined;
  return {
    issuedAt,
    leaseEndsAt: memory
      ? ends(memory.leaseRenewedAt, memory.leaseTtlSeconds)
      : ends(issuedAt, record.leaseTtlSeconds),
    tokenEndsAt: memory
      ? ends(memory.tokenRenewedAt, memory.tokenPeriodSeconds)
      : ends(issuedAt, record.tokenPeriodSeconds),
    renewalAt: memory && renewalOf(memory, now),
  };
}

/** Uuids named by pods and missing from the ledger: nobody renews these. */
function notInLedger(claims: Claims, listed: ReadonlySet<string>): ListedGrant[] {
  return [...claims.all()]
    .filter(([uuid]) => !listed.has(uuid))
    .flatMap(([uuid, pods]) =>
      pods.map(({ namespace, name }) => ({
        uuid: printable(uuid, 40),
        namespace,
        pod: name,
        database: '',
        mount: '',
        role: '',
        user: '',
        issuedAt: uuidTime(uuid),
        leaseEndsAt: undefined,
        tokenEndsAt: undefined,
        renewalAt: undefined,
        state: 'unknown' as const,
      })),
    );
}
