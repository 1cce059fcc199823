/** The collaborators and the state of giving credentials to a pod. */
import type { DatabaseRequest } from '../../shared/annotations.ts';
import type { Background } from '../../shared/background.ts';
import type { Clock, Deadline } from '../../shared/deadline.ts';
import type { PodSecrets } from '../../shared/kubernetes/secrets.ts';
import type { Secret } from '../../shared/secret.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Credentials, Grants } from '../../shared/vault/grants.ts';
import type { Ledger } from '../../shared/vault/ledger.ts';
import type { SlotScope, Slots } from '../../shared/vault/slots.ts';
import type { AuthorizedRequest } from './pod-identity.ts';
import type { PodTokens } from './pod-tokens.ts';

/** Texts with the credentials in them: by variable, and of files by their key in the pod's Secret. */
interface SecretTexts {
  readonly variables: ReadonlyMap<string, Secret>;
  readonly files: ReadonlyMap<string, Secret>;
}

export interface PodGrant {
  readonly uuid: string;
  readonly request: DatabaseRequest;
  readonly credentials: Credentials;
  readonly texts: SecretTexts;
  /** The token's lifetime without renewal; its lease ends with it. */
  readonly tokenPeriodSeconds: number;
}

/** Grants of the whole pod. */
export interface PodGrants {
  readonly grants: readonly PodGrant[];
  /** Name of the Secret made for the pod; empty if no request wanted one. */
  readonly secretName: string;
}

export interface GrantDependencies {
  readonly grants: Grants;
  readonly ledger: Ledger;
  /** Set if `maxGrantsPerRole` is on. */
  readonly slots: Pick<Slots, 'take' | 'release'> | undefined;
  readonly secrets: Pick<PodSecrets, 'create' | 'remove'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly background: Background;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newDeadline: (durationMs: number) => Deadline;
  readonly podTokens: PodTokens;
  /** How records refer to their tokens. */
  readonly tokenReference: 'token' | 'accessor';
  /** The cluster's identity in the records, if configured. */
  readonly clusterId: string | undefined;
}

export interface SecretProgress {
  /** Empty if no request wanted one. */
  readonly name: string;
  /** Whether it may exist: it counts as possibly created until the API server says otherwise. */
  uncertain: boolean;
}

/** Progress of one grant; each field is set before the next step begins. */
export interface GrantProgress extends AuthorizedRequest {
  readonly uuid: string;
  /** The pod; the same for all of its grants. */
  readonly secret: SecretProgress;
  /** The scope whose slot it takes, if slots are counted. */
  scope?: SlotScope;
  token?: Secret;
  /** Credentials that Vault is still creating after the deadline. */
  issuing?: Promise<unknown>;
  mayBeRecorded: boolean;
}

/** Counts the time for the phase, however it ends. */
export async function inPhase<T>(
  phase: 'authorize' | 'slot' | 'token' | 'credentials' | 'record' | 'secret' | 'undo',
  { metrics, clock }: Pick<GrantDependencies, 'metrics' | 'clock'>,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = clock();
  try {
    return await work();
  } finally {
    metrics.observe('admission_phase_duration_seconds', { phase }, (clock() - startedAt) / 1_000);
  }
}

export async function counted<T>(
  promise: Promise<T>,
  count: (outcome: 'success' | 'error') => void,
): Promise<T> {
  try {
    const value = await promise;
    count('success');
    return value;
  } catch (error) {
    count('error');
    throw error;
  }
}
