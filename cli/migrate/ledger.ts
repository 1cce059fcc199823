/**
 * Replaces stored tokens by accessors, in all versions of the records. Each record is rewritten on its own, and only
 * if unchanged, so a run may be interrupted anywhere, and sweeps and events may run meanwhile.
 */
import pLimit from 'p-limit';
import { validate, version } from 'uuid';
import { InjectorError } from '../../shared/errors.ts';
import { ownershipOf } from '../../shared/grants/ownership.ts';
import { Secret } from '../../shared/secret.ts';
import type { Accessors } from '../../shared/vault/accessors.ts';
import { VaultError } from '../../shared/vault/failure.ts';
import type { Ledger, LedgerRecord } from '../../shared/vault/ledger.ts';
import { type RecordParts, readRecords, workOf } from '../records.ts';

const CONCURRENCY = 16;

export interface MigrationParts extends RecordParts {
  readonly ledger: Pick<Ledger, 'list' | 'read' | 'replace' | 'remove'>;
  readonly accessors: Accessors;
  /** Other clusters' grants are skipped; `undefined` if unknown: then every record with a cluster's name is. */
  readonly clusterId: string | undefined;
}

export interface Survey {
  /** Grants whose records contain tokens. */
  readonly withToken: readonly string[];
  readonly withAccessor: number;
  readonly foreign: number;
  readonly unreadable: readonly string[];
  /** Grants that the Go injector made. */
  readonly ofGoInjector: number;
  /** Grants of ours whose records the Go renewer has rewritten, without our fields. */
  readonly strippedByGoInjector: number;
}

/**
 * `dead`: Vault no longer knows the token. `refused`: Vault does not say whether it does. `ended`: the grant has
 * ended.
 */
export type Outcome = 'rewritten' | 'dead' | 'refused' | 'ended' | { readonly failed: string };

// Others may write the same record at the same moment.
const MOST_TRIES = 3;
// An admission function with the old configuration may have issued more grants meanwhile.
const MOST_ROUNDS = 3;

/** Only reads. */
export async function surveyLedger(parts: MigrationParts): Promise<Survey> {
  const { grants: uuids, others } = await parts.ledger.list(workOf(parts));
  const found = [...(await readRecords(uuids, parts))].map(
    ([uuid, record]) => [uuid, record ? classify(uuid, record, parts.clusterId) : UNREADABLE] as const,
  );
  const of = (kind: Kind) => found.flatMap(([uuid, kinds]) => (kinds.includes(kind) ? [uuid] : []));
  return {
    withToken: of('token'),
    withAccessor: of('accessor').length,
    foreign: of('foreign').length,
    unreadable: [...of('unreadable'), ...others],
    ofGoInjector: of('of the Go injector').length,
    strippedByGoInjector: of('stripped').length,
  };
}

const UNREADABLE: readonly Kind[] = ['unreadable'];
type Kind = 'unreadable' | 'foreign' | 'accessor' | 'token' | 'of the Go injector' | 'stripped';

function classify(uuid: string, record: LedgerRecord, clusterId: string | undefined): readonly Kind[] {
  // A cluster that could not be identified rewrites no record of a named one.
  if (['foreign', 'unknown'].includes(ownershipOf(record, clusterId))) return ['foreign'];
  if (!(record.token instanceof Secret)) return ['accessor'];
  if (validate(uuid) && version(uuid) === 1) return ['token', 'of the Go injector'];
  return record.userName === undefined ? ['token', 'stripped'] : ['token'];
}

/** Looks up each token's accessor: nothing is renewed or written. */
export async function lookUpAll(uuids: readonly string[], parts: MigrationParts) {
  return forEach(uuids, parts, async (uuid) => {
    const stored = await parts.ledger.read(uuid, workOf(parts));
    if (!stored || !(stored.record.token instanceof Secret)) return 'ended';
    const accessor = await parts.accessors.lookUp(stored.record.token, workOf(parts));
    return accessor === undefined ? 'refused' : 'rewritten';
  });
}

/** Repeats until a round finds no new token. */
export async function rewriteAll(
  first: readonly string[],
  parts: MigrationParts,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  let left = first;
  for (let round = 1; left.length > 0 && round <= MOST_ROUNDS; round += 1) {
    const outcomesNow = await forEach(left, parts, (uuid) => rewrite(uuid, parts));
    for (const [uuid, outcome] of outcomesNow) outcomes.set(uuid, outcome);
    const { withToken } = await surveyLedger(parts);
    left = withToken.filter((uuid) => outcomes.get(uuid) === 'rewritten' || !outcomes.has(uuid));
  }
  return outcomes;
}

async function rewrite(uuid: string, parts: MigrationParts, tries = 1): Promise<Outcome> {
  const { ledger, accessors } = parts;
  const work = workOf(parts);
  const stored = await ledger.read(uuid, work);
  if (!stored) {
    // The grant ended during the rewrite, which may have left an empty document.
    if (tries > 1) await ledger.remove(uuid, work);
    return 'ended';
  }
  const { record, version: asRead } = stored;
  if (!(record.token instanceof Secret)) return 'rewritten';
  const accessor =
    (await accessors.lookUp(record.token, work)) ?? (await accessors.renew(record.token, work));
  if (accessor === undefined) return 'dead';
  try {
    await ledger.replace(uuid, { ...record, token: { accessor } }, asRead, work);
    return 'rewritten';
  } catch (error) {
    const isChanged = error instanceof VaultError && [400, 403].includes(error.status);
    if (!isChanged || tries === MOST_TRIES) throw error;
    return rewrite(uuid, parts, tries + 1);
  }
}

async function forEach(
  uuids: readonly string[],
  { onProgress }: MigrationParts,
  task: (uuid: string) => Promise<Outcome>,
): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const one = async (uuid: string) => {
    const outcome = await task(uuid).catch((error: unknown) => {
      if (error instanceof InjectorError) return { failed: error.message };
      throw error;
    });
    outcomes.set(uuid, outcome);
    onProgress(`${outcomes.size} of ${uuids.length} …`);
  };
  await pLimit(CONCURRENCY).map(uuids, one);
  return outcomes;
}
