/**
 * Takes an event about a changed pod and sends a wrapped secret_id to its init container: once per run of the
 * container, however often events come. The event is a hint: the pod's current state in the API server decides.
 * Several instances need no coordination: an init container accepts only one secret_id, and one that nobody takes
 * expires with its wrapping.
 */
import { LRUCache } from 'lru-cache';
import { about, asInjectorError, InjectorError } from '../../shared/errors.ts';
import type { PodName } from '../../shared/events/changed-pod.ts';
import { createSingleFlight } from '../../shared/single-flight.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { SecretIds, WrappedSecretId } from '../../shared/vault/secret-ids.ts';
import type { Connect, Connection } from './connection.ts';
import type { Due, Judge, NotDue } from './due.ts';

export interface PushDependencies {
  readonly judge: Judge;
  readonly secretIds: SecretIds;
  readonly connect: Connect;
  readonly wrapTtlSeconds: number;
  /** Whether a secret_id is bound to its pod's address, if the AppRole allows that. */
  readonly bindAddress: boolean;
  /** Vault's address as given to the pod. */
  readonly vault: { readonly address: string; readonly namespace: string | undefined };
  /** Authorities for Vault's certificate, as PEM; absent: those that the pod already trusts. */
  readonly readVaultCa: () => string | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
}

type Outcome = 'pushed' | 'repeated' | NotDue;
export type Push = (pod: PodName, work: Work) => Promise<Outcome>;

// Each entry takes about 200 bytes; far fewer runs are in progress at a time.
const MOST_RUNS = 10_000;
const TAKEN = 200;
// The status that our init program sends to all but the first.
const HAS_ONE = 409;

/**
 * @returns a function that resolves when nothing is left to do for the pod in its current state, and rejects with an
 * error that is worth redelivering the event if Vault, the API server or the init container failed.
 */
export function createPush(dependencies: PushDependencies): Push {
  const pushed = new LRUCache<string, true>({ max: MOST_RUNS });
  const underWay = createSingleFlight<Outcome>();

  async function push(due: Due, work: Work): Promise<Outcome> {
    const { role: approle } = due;
    const connection = await dependencies.connect(due.address, work.deadline).catch((error: unknown) => {
      dependencies.metrics.count('server_secret_push_failures_total', { approle });
      throw error;
    });
    try {
      // The address may have been given to another pod before the connection was made.
      const still = await dependencies.judge(due.pod, work.deadline);
      if (typeof still === 'string') return still;
      if (still.run !== due.run || still.address !== due.address || still.role !== due.role) return 'waiting';
      const outcome = await handOver(connection, due, work);
      pushed.set(due.run, true);
      return outcome;
    } finally {
      connection.close();
    }
  }

  async function handOver(connection: Connection, due: Due, work: Work): Promise<Outcome> {
    const { role, pod } = due;
    const { metrics, log } = dependencies;
    const approle = role;
    const wrapped = await wrap(due, work);
    try {
      const status = await connection.post(bodyOf(wrapped, dependencies), work.deadline);
      if (status === HAS_ONE) return 'repeated';
      if (status !== TAKEN) throw notTaken(status);
    } catch (error) {
      metrics.count('server_secret_push_failures_total', { approle });
      throw error;
    }
    metrics.count('server_secret_pushes_total', { approle });
    const { correlationId: requestUid, traceId, vaultCalls } = work;
    const { namespace, name, serviceAccount } = pod;
    const facts = { namespace, pod: name, serviceAccount, role };
    log.info('an init container has received its secret_id', { ...facts, requestUid, traceId, vaultCalls });
    return 'pushed';
  }

  async function wrap({ role, address, pod }: Due, work: Work): Promise<WrappedSecretId> {
    const { secretIds, metrics, wrapTtlSeconds, bindAddress } = dependencies;
    const approle = role;
    metrics.count('vault_secret_id_requests_total', { approle });
    const request = {
      role,
      metadata: { pod: pod.name, namespace: pod.namespace },
      address: bindAddress ? address : undefined,
      wrapTtlSeconds,
    };
    return secretIds.wrap(request, work).catch((error: unknown) => {
      metrics.count('vault_secret_id_requests_failures_total', { approle });
      throw error;
    });
  }

  return async (pod, work) => {
    const { correlationId: requestUid, traceId } = work;
    const subject = { namespace: pod.namespace, pod: pod.name, requestUid, traceId };
    const due = await dependencies.judge(pod, work.deadline).catch((error: unknown) => {
      throw about(subject, error);
    });
    if (typeof due === 'string') return due;
    if (pushed.has(due.run)) return 'repeated';
    const pushOnce = () =>
      push(due, work).catch((error: unknown) => {
        const { role, pod: judged } = due;
        throw about({ ...subject, role, serviceAccount: judged.serviceAccount }, withoutSecretId(due, error));
      });
    return underWay.run(pushOnce, due.run);
  };
}

/** The format that kubernetes-vault's init container reads, plus Vault's namespace if there is one. */
function bodyOf(
  { token, creationTime, ttlSeconds }: WrappedSecretId,
  { vault, readVaultCa }: PushDependencies,
): string {
  return JSON.stringify({
    token: token.reveal(),
    creationTime,
    ttl: ttlSeconds,
    vaultAddr: vault.address,
    vaultCAs: Buffer.from(readVaultCa() ?? '').toString('base64'),
    ...(vault.namespace !== undefined && { vaultNamespace: vault.namespace }),
  });
}

function notTaken(status: number): InjectorError {
  return new InjectorError(
    'init_container_unavailable',
    `the init container did not take its secret_id (HTTP ${status}); its own log says why`,
  );
}

function withoutSecretId({ pod }: Due, cause: unknown): InjectorError {
  const { code } = asInjectorError(cause);
  return new InjectorError(code, `pod ${pod.namespace}/${pod.name} has no secret_id yet`, { cause });
}
