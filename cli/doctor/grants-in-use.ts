/** Existing grants: those in the last sweep's memory, and those issued since. */
import pLimit from 'p-limit';
import { InjectorError } from '../../shared/errors.ts';
import type { LedgerRecord } from '../../shared/vault/ledger.ts';
import type { GrantState } from '../../shared/vault/sweep-memory.ts';
import { readMemory } from '../sweep-state.ts';
import type { Facts } from './facts.ts';

export type GrantInUse = Pick<GrantState, 'namespace' | 'leaseId' | 'leaseTtlSeconds' | 'endsAt'>;

const CONCURRENCY = 16;
// A limit for reading records: a part of them already shows all engines in use.
const MOST_READ = 200;

export async function readGrantsInUse(
  facts: Pick<Facts, 'vault' | 'config' | 'work'>,
): Promise<readonly GrantInUse[]> {
  const { sweeps, ledger } = await facts.vault();
  const { grants } = await readMemory(sweeps, await facts.config(), facts.work());
  // Whether the ledger can be read is a check of its own.
  const listed = await ledger.list(facts.work()).catch(unlessKnown);
  const young = (listed?.grants ?? []).filter((uuid) => !grants.has(uuid)).slice(-MOST_READ);
  const read = async (uuid: string): Promise<GrantInUse[]> => {
    const stored = await ledger.read(uuid, facts.work()).catch(unlessKnown);
    return stored ? [grantIn(stored.record)] : [];
  };
  return [...grants.values(), ...(await pLimit(CONCURRENCY).map(young, read)).flat()];
}

function grantIn({ namespace, leaseId, leaseTtlSeconds = 0 }: LedgerRecord): GrantInUse {
  return { namespace, leaseId, leaseTtlSeconds, endsAt: 0 };
}

function unlessKnown(error: unknown): undefined {
  if (error instanceof InjectorError) return undefined;
  throw error;
}
