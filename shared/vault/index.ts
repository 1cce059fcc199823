/** The Vault client, wired: what a function or job needs of it, from its configuration. */
import { readFileSync } from 'node:fs';
import { type Clock, deadlineIn } from '../deadline.ts';
import { InjectorError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { createAccessors } from './accessors.ts';
import { createAuthorization } from './authorization.ts';
import { type CaFile, createCaFile } from './ca-file.ts';
import { createGrants } from './grants.ts';
import { createInspection } from './inspection.ts';
import { createKv } from './kv.ts';
import { createLeases } from './leases.ts';
import { createLedger } from './ledger.ts';
import { createPodLogin } from './pod-login.ts';
import { createRenewals } from './renewals.ts';
import { createVaultRequests, type SentRequest } from './requests.ts';
import { createRevocation } from './revocation.ts';
import { createSession } from './session.ts';
import { createSlots } from './slots.ts';
import { createSweepMemory } from './sweep-memory.ts';
import { createVaultTime } from './time.ts';

export interface VaultOptions {
  readonly address: string;
  readonly namespace: string | undefined;
  readonly caFile: string | undefined;
  /** Overrides what stands in that file. */
  readonly authority?: CaFile;
  readonly redirectHosts: readonly string[];
  readonly authPath: string;
  readonly kubeRole: string;
  readonly serviceAccountTokenFile: string;
  /** The source of the service account token, if not that file. */
  readonly readServiceAccountToken?: () => Promise<Secret>;
  readonly ledgerMount: string;
  readonly ledgerPrefix: string;
  readonly rateLimit: number | undefined;
  readonly clusterId: string | undefined;
  readonly maxGrantsPerRole: number | undefined;
}

export type VaultClient = ReturnType<typeof createVault>;

export function createVault(
  options: VaultOptions,
  clock: Clock,
  onLogin: (outcome: 'success' | 'error') => void,
  onSent: (request: SentRequest) => void = () => {},
) {
  const { address, namespace, authPath, kubeRole } = options;
  const ownFile = options.caFile === undefined ? undefined : createCaFile(options.caFile, clock);
  const caFile = options.authority ?? ownFile;
  const time = createVaultTime();
  const requests = createVaultRequests({
    address,
    namespace,
    caFile,
    redirectHosts: options.redirectHosts,
    rateLimit: options.rateLimit,
    random: Math.random,
    onSent,
    time,
  });
  const session = createSession({
    requests,
    authPath,
    kubeRole,
    clock,
    onLogin,
    readServiceAccountToken:
      options.readServiceAccountToken ?? (async () => readToken(options.serviceAccountTokenFile)),
    newDeadline: (durationMs) => deadlineIn(durationMs, clock),
  });
  const kv = createKv(session, options.ledgerMount);
  const ledger = createLedger(kv, options.ledgerPrefix);
  const grants = createGrants(session, requests);
  const most = options.maxGrantsPerRole;
  const slots = most === undefined ? undefined : createSlots(kv, folderOf(options, 'held'), most);
  return {
    session,
    accessors: createAccessors(session, requests),
    authorization: createAuthorization({ session, authPath, kubeRole, clock }),
    grants,
    podLogin: createPodLogin(requests, authPath),
    slots,
    inspection: createInspection(session, requests),
    leases: createLeases(session),
    ledger,
    renewals: createRenewals(session),
    revocation: createRevocation({
      session,
      requests,
      grants,
      slots,
      ledger,
      now: () => new Date(time.now()),
    }),
    sweeps: createSweepMemory(
      kv,
      folderOf(options, 'sweep'),
      folderOf({ ...options, clusterId: undefined }, 'sweep'),
    ),
    time,
    requestsSent: requests.sent,
    close: requests.close,
  };
}

/**
 * Stored beside the ledger; clusters that share a prefix have one each, under their configured name. `held` is where
 * the slots are: policies in Vault name it.
 */
function folderOf({ ledgerPrefix, clusterId }: VaultOptions, of: 'sweep' | 'held'): string {
  return clusterId === undefined ? `${ledgerPrefix}-${of}` : `${ledgerPrefix}-${of}/${clusterId}`;
}

// Read synchronously: the file is small and in memory, and the thread pool would cost a cold start 10 ms.
function readToken(path: string): Secret {
  try {
    return new Secret(readFileSync(path, 'utf8').trim());
  } catch (cause) {
    const message = `the injector's own service account token cannot be read from ${path} (serviceAccountTokenFile)`;
    throw new InjectorError('configuration_invalid', message, { cause });
  }
}
