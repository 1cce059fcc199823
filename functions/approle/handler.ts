/**
 * A changed pod in, a wrapped secret_id to its init container out: once for each run of the container, however often the
 * events come. The event is a hint: what is done follows from the pod as the API server has it now. Several instances
 * need not agree on who does it: an init container takes one secret_id and no second, and what nobody takes is gone with
 * its wrapping.
 */
import { asInjectorError, InjectorError } from '../../shared/errors.ts';
import type { PodName } from '../../shared/events/changed-pod.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { SecretIds, WrappedSecretId } from '../../shared/vault/secret-ids.ts';
import type { Due, Judge, NotDue } from './due.ts';
import type { Line, OpenLine } from './line.ts';
import { createRecent } from './recent.ts';

export interface PushParts {
  readonly judge: Judge;
  readonly secretIds: SecretIds;
  readonly openLine: OpenLine;
  readonly wrapTtlSeconds: number;
  /** Whether a secret_id is good for its pod's address only, where the AppRole allows that. */
  readonly bindAddress: boolean;
  /** What the pod is told of Vault. */
  readonly vault: { readonly address: string; readonly namespace: string | undefined };
  /** Authorities of Vault's certificate, as PEM; absent: those that the pod trusts anyway. */
  readonly readVaultCa: () => string | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
}

type Outcome = 'pushed' | 'repeated' | NotDue;
export type Push = (pod: PodName, work: Work) => Promise<Outcome>;

// Each costs about 200 bytes; runs that are still under way are far fewer.
const MOST_RUNS = 10_000;
const TAKEN = 200;
// Our init program's answer to all but the first.
const HAS_ONE = 409;

/**
 * @returns a function that resolves when nothing is left to do for that pod as it is now, and rejects with an error that
 *   is worth another delivery of the event where Vault, the API server or the init container did not do their part.
 */
export function createPush(parts: PushParts): Push {
  const pushed = createRecent(MOST_RUNS);
  const underWay = new Map<string, Promise<Outcome>>();

  async function push(due: Due, work: Work): Promise<Outcome> {
    const { role: approle } = due;
    const line = await parts.openLine(due.address, work.deadline).catch((error: unknown) => {
      parts.metrics.count('server_secret_push_failures_total', { approle });
      throw error;
    });
    try {
      // The address may have become another pod's before the connection stood.
      const still = await parts.judge(due.pod, work.deadline);
      if (typeof still === 'string') return still;
      if (still.run !== due.run || still.address !== due.address || still.role !== due.role) return 'waiting';
      const outcome = await handOver(line, due, work);
      pushed.add(due.run);
      return outcome;
    } finally {
      line.close();
    }
  }

  async function handOver(line: Line, due: Due, work: Work): Promise<Outcome> {
    const { role, pod } = due;
    const { metrics, log } = parts;
    const approle = role;
    const wrapped = await wrap(due, work);
    try {
      const status = await line.post(bodyOf(wrapped, parts), work.deadline);
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
    log.info('an init container has taken its secret_id', { ...facts, requestUid, traceId, vaultCalls });
    return 'pushed';
  }

  async function wrap({ role, address, pod }: Due, work: Work): Promise<WrappedSecretId> {
    const { secretIds, metrics, wrapTtlSeconds, bindAddress } = parts;
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
    const due = await parts.judge(pod, work.deadline);
    if (typeof due === 'string') return due;
    if (pushed.has(due.run)) return 'repeated';
    const running = underWay.get(due.run);
    if (running) return running;
    const started = push(due, work)
      .catch((error: unknown) => {
        throw withoutSecretId(due, error);
      })
      .finally(() => underWay.delete(due.run));
    underWay.set(due.run, started);
    return started;
  };
}

/** As kubernetes-vault's init container reads it, and Vault's namespace where there is one. */
function bodyOf(
  { token, creationTime, ttlSeconds }: WrappedSecretId,
  { vault, readVaultCa }: PushParts,
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
