/**
 * Takes an event about a deleted pod and revokes its grants. The event is a hint, not a proof: the API server says
 * whether the pod is gone, the record says whose grant it is. So a forged, replayed, reordered or duplicated event
 * harms no live pod.
 */
import type { Clock } from '../../shared/deadline.ts';
import { about, asInjectorError } from '../../shared/errors.ts';
import type { DeletedPod } from '../../shared/events/deleted-pod.ts';
import { ownershipOf } from '../../shared/grants/ownership.ts';
import { createRevokeGrant, type RevokeGrant } from '../../shared/grants/revoke-grant.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';
import { createSingleFlight } from '../../shared/single-flight.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import { isGrantUuid, type Ledger, type LedgerRecord } from '../../shared/vault/ledger.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { Revocation } from '../../shared/vault/revocation.ts';
import { mountOf } from '../../shared/vault/slots.ts';
import type { NamespaceClaims } from './namespace-claims.ts';

export interface RevocationDependencies {
  readonly pods: Pick<Pods, 'get'>;
  readonly namespaceClaims: NamespaceClaims;
  readonly ledger: Pick<Ledger, 'read'>;
  readonly revocation: Revocation;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** The cluster's name, if configured. */
  readonly clusterId: string | undefined;
}

/** `left_to_sweep`: it failed, and retries will not help. */
type GrantOutcome = 'revoked' | 'pending' | 'alive' | 'no_record' | 'refused' | 'left_to_sweep';

export type Revoke = (pod: DeletedPod, work: Work) => Promise<readonly GrantOutcome[]>;

/**
 * @returns a function that resolves when a retry could not do more, and rejects if Vault or the API server did not
 * answer; a failed grant does not stop the others. Two concurrent calls for the same grant of the same pod do the
 * work once.
 */
export function createRevoke(dependencies: RevocationDependencies): Revoke {
  const underWay = createSingleFlight<GrantOutcome>();
  const collaborators = { ...dependencies, revokeGrant: createRevokeGrant(dependencies) };

  return async (pod, work) => {
    if (pod.uuids.length === 0) return [];
    const successor = dependencies.pods.get(pod.namespace, pod.name, work.deadline);
    // The failure is handled where the promise is awaited.
    successor.catch(() => undefined);
    const deletion = { pod, successor, work };
    const startedAt = dependencies.clock();
    const outcomes = await Promise.allSettled(
      pod.uuids.map((uuid) =>
        // Keyed by pod as well: the outcome for a forged event must not answer for the true one.
        underWay.run(
          () => revokeOrLeave(uuid, deletion, collaborators),
          `${pod.namespace}/${pod.name}/${uuid}`,
        ),
      ),
    );
    const seconds = (dependencies.clock() - startedAt) / 1_000;
    for (const outcome of outcomes) {
      const result = outcome.status === 'fulfilled' ? outcome.value : 'failed';
      dependencies.metrics.observe('revocation_duration_seconds', { result }, seconds);
      if (outcome.status === 'fulfilled')
        dependencies.metrics.count('deletion_events_total', { outcome: result });
    }
    return valuesOf(outcomes, dependencies.log);
  };
}

/** @throws the first failure, which answers the event; the others are logged, one line each. */
function valuesOf(outcomes: readonly PromiseSettledResult<GrantOutcome>[], log: Logger): GrantOutcome[] {
  const failures = outcomes.flatMap((outcome): unknown[] =>
    outcome.status === 'rejected' ? [outcome.reason] : [],
  );
  const [first, ...others] = failures;
  for (const other of others) log.error('a grant could not be revoked yet', other);
  if (failures.length > 0) throw first;
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

/** What is known of a grant, for the log. */
interface Facts {
  readonly uuid: string;
  readonly namespace: string;
  readonly pod: string;
  readonly requestUid: string | undefined;
  readonly traceId: string | undefined;
  /** Mount of the database engine, once the record has been read. */
  mount?: string | undefined;
}

interface Deletion {
  readonly pod: DeletedPod;
  /** The pod that has the name now. */
  readonly successor: Promise<LivePod | undefined>;
  readonly work: Work;
}

interface Collaborators extends RevocationDependencies {
  readonly revokeGrant: RevokeGrant;
}

async function revokeOrLeave(
  uuid: string,
  deletion: Deletion,
  collaborators: Collaborators,
): Promise<GrantOutcome> {
  const { pod, work } = deletion;
  const { correlationId: requestUid, traceId } = work;
  const facts: Facts = { uuid, namespace: pod.namespace, pod: pod.name, requestUid, traceId };
  try {
    return await revokeOne(facts, deletion, collaborators);
  } catch (error) {
    // Temporary failures are sent again by the Broker; permanent ones are found by the renewal job's next run.
    if (asInjectorError(error).retryable) throw about(facts, error);
    const message = 'a grant could not be revoked, and retries will not help: it is left to the sweep';
    collaborators.log.error(message, error, { ...facts, outcome: 'left_to_sweep' });
    return 'left_to_sweep';
  }
}

async function revokeOne(
  facts: Facts,
  { pod, successor, work }: Deletion,
  collaborators: Collaborators,
): Promise<GrantOutcome> {
  const { ledger, revokeGrant, log, clusterId } = collaborators;
  const { uuid } = facts;
  if (!isGrantUuid(uuid)) return refuse('its uuid is not valid', facts, log);
  const [stored, live] = await Promise.all([ledger.read(uuid, work), successor]);
  if (live?.uuids.includes(uuid)) {
    log.info('a delete event for a live pod: nothing is revoked', facts);
    return 'alive';
  }
  if (!stored) return 'no_record';
  facts.mount = mountOf(stored.record);
  const reason = notTheirs(stored.record, pod, clusterId);
  if (reason) return refuse(reason, facts, log);
  if (await isHeldByAnother(uuid, stored.record, work, collaborators)) {
    return refuse('a live pod holds the grant', facts, log);
  }
  return revokeGrant({ uuid, record: stored.record, pod: facts.pod }, work);
}

/** The record of a pod with generateName does not contain the pod's name, so the event could give any. */
async function isHeldByAnother(
  uuid: string,
  { podName, namespace }: LedgerRecord,
  work: Work,
  { namespaceClaims }: RevocationDependencies,
): Promise<boolean> {
  if (podName !== '') return false;
  return (await namespaceClaims(namespace, work.deadline)).some(({ uuids }) => uuids.includes(uuid));
}

/** Why the grant is not this pod's; `undefined` if it is. */
function notTheirs(record: LedgerRecord, pod: DeletedPod, clusterId: string | undefined): string | undefined {
  if (record.namespace !== pod.namespace) return "the grant is another namespace's";
  // The record of a pod with generateName has no pod name.
  if (record.podName !== '' && record.podName !== pod.name) return "the grant is another pod's";
  // Without a configured name there is nothing to compare: namespace and pod decide.
  if (ownershipOf(record, clusterId) === 'foreign') return "the grant is another cluster's";
  return undefined;
}

function refuse(reason: string, facts: Facts, log: Logger) {
  log.warn(`security: a delete event is refused: ${reason}`, facts);
  return 'refused' as const;
}
