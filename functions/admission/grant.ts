/** Database requests -> grants, all of them or none: what was issued before another one failed is undone. */
import { v7 as newUuid } from 'uuid';
import type { DatabaseRequest } from '../../shared/annotations.ts';
import type { Background } from '../../shared/background.ts';
import type { Clock, Deadline } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import type { Secret } from '../../shared/secret.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Metrics } from '../../shared/telemetry/metrics.ts';
import type { Credentials, Grants } from '../../shared/vault/grants.ts';
import type { Held, Holder } from '../../shared/vault/held.ts';
import type { Ledger } from '../../shared/vault/ledger.ts';
import type { Work } from '../../shared/vault/requests.ts';

/** The pod, as far as it is known before it exists. */
export interface PodIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Empty for a pod of `generateName`. */
  readonly name: string;
  readonly generateName: string;
  readonly nodeName: string;
}

export interface AuthorizedRequest {
  readonly request: DatabaseRequest;
  readonly policy: string;
}

export interface Grant {
  readonly uuid: string;
  readonly request: DatabaseRequest;
  readonly credentials: Credentials;
}

export interface Granting {
  readonly grants: Grants;
  readonly ledger: Ledger;
  /** Where `maxGrantsPerRole` is on. */
  readonly held: Pick<Held, 'take' | 'release'> | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly background: Background;
  readonly clock: Clock;
  readonly newDeadline: (durationMs: number) => Deadline;
  /** Names the cluster in the tokens' metadata. */
  readonly cluster: string;
  readonly periodSeconds: number;
  /** What the records refer to the tokens by. */
  readonly tokenReference: 'token' | 'accessor';
  /** What the records carry as the cluster's identity, where it is configured. */
  readonly clusterId: string | undefined;
}

/** What a grant has become so far; each field is set before the next step begins. */
interface Begun {
  readonly uuid: string;
  readonly correlationId: string | undefined;
  /** Whose place it takes, where places are counted. */
  holder?: Holder;
  token?: Secret;
  /** Credentials that Vault is still making, after the deadline. */
  issuing?: Promise<unknown>;
  mayBeRecorded: boolean;
}

// Undoing goes on after the denial went out: the API server may have little time, the credentials must go all the same.
const UNDO_WITHIN_MS = 60_000;

/**
 * Issues in parallel, in the order given.
 *
 * @param answerBy when the denial has to go out, finished undoing or not.
 * @throws the first failure, after everything was undone (or `answerBy` has come).
 */
export async function grantAll(
  authorized: readonly AuthorizedRequest[],
  pod: PodIdentity,
  work: Work,
  answerBy: Deadline,
  granting: Granting,
): Promise<Grant[]> {
  const begun: Begun[] = [];
  const outcomes = await Promise.allSettled(
    authorized.map(({ request, policy }) => {
      const grant: Begun = { uuid: newUuid(), correlationId: work.correlationId, mayBeRecorded: false };
      begun.push(grant);
      return issue(request, policy, pod, grant, work, granting);
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (!failed && !work.deadline.signal.aborted) {
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  }
  await undoAll(begun, pod, answerBy, granting);
  throw failed?.reason ?? tooLate(work.deadline.signal.reason);
}

/** All was issued, but nobody waits for it any more. */
function tooLate(reason: unknown): InjectorError {
  if (reason instanceof InjectorError) return reason;
  return new InjectorError('vault_timeout', 'Vault took all of the time there was', { cause: reason });
}

async function issue(
  request: DatabaseRequest,
  policy: string,
  pod: PodIdentity,
  begun: Begun,
  work: Work,
  granting: Granting,
): Promise<Grant> {
  const { uuid } = begun;
  const { grants, ledger, metrics } = granting;
  const startedAt = granting.clock();
  await takePlace(request, pod, begun, work, granting);
  const { token, accessor, periodSeconds } = await counted(
    inPhase('token', granting, () =>
      grants.createToken(
        { policy, periodSeconds: granting.periodSeconds, ...describeToken(uuid, pod, granting.cluster) },
        work,
        (late) => granting.background.add(undoLate(begun, late, pod, granting)),
      ),
    ),
    (outcome) => metrics.count(`orphan_ticket_created_count_${outcome}`, {}),
  );
  begun.token = token;
  const credentials = await inPhase('credentials', granting, () =>
    grants.issue(request, token, work, (answer) => {
      begun.issuing = answer;
    }),
  );
  begun.mayBeRecorded = true;
  const record = {
    leaseId: credentials.leaseId,
    token: granting.tokenReference === 'accessor' ? { accessor } : token,
    namespace: pod.namespace,
    serviceAccountName: pod.serviceAccount,
    podName: pod.name,
    nodeName: pod.nodeName,
    database: request.database,
    mount: request.mount,
    role: request.role,
    userName: credentials.userName,
    leaseTtlSeconds: credentials.leaseTtlSeconds,
    tokenPeriodSeconds: periodSeconds,
    clusterId: granting.clusterId,
  };
  await counted(
    inPhase('record', granting, () => ledger.write(uuid, record, work)),
    (outcome) => metrics.count(`store_data_count_${outcome}`, { uuid, namespace: pod.namespace }),
  );
  granting.log.info('credentials issued', {
    requestUid: work.correlationId,
    uuid,
    namespace: pod.namespace,
    pod: pod.name || pod.generateName,
    database: request.database,
    role: request.role,
    durationMs: Math.round(granting.clock() - startedAt),
  });
  return { uuid, request, credentials };
}

/** Before anything is made: too many are denied, and cost Vault no token. */
async function takePlace(
  { mount, role }: DatabaseRequest,
  { namespace }: PodIdentity,
  begun: Begun,
  work: Work,
  granting: Granting,
): Promise<void> {
  const { held } = granting;
  if (!held) return;
  const holder = { namespace, mount, role };
  begun.holder = holder;
  await inPhase('place', granting, () => held.take(begun.uuid, holder, work));
}

/** What leads from a database user to its pod in Vault's audit log. */
function describeToken(uuid: string, pod: PodIdentity, cluster: string) {
  return {
    displayName: `${pod.namespace}-${pod.serviceAccount}`,
    metadata: {
      cluster,
      namespace: pod.namespace,
      service_account: pod.serviceAccount,
      uuid,
      ...(pod.name ? { pod: pod.name } : { generate_name: pod.generateName }),
    },
  };
}

async function undoAll(
  begun: readonly Begun[],
  pod: PodIdentity,
  answerBy: Deadline,
  granting: Granting,
): Promise<void> {
  const undoing = inPhase('undo', granting, () =>
    Promise.all(begun.map((grant) => undo(grant, pod, granting))).then(() => undefined),
  );
  granting.background.add(undoing);
  await Promise.race([undoing, aborted(answerBy)]);
}

async function undoLate(
  { uuid, correlationId }: Begun,
  late: Promise<Secret | undefined>,
  pod: PodIdentity,
  granting: Granting,
): Promise<void> {
  const token = await late.catch(() => undefined);
  if (token) await undo({ uuid, correlationId, token, mayBeRecorded: false }, pod, granting);
}

/** Never rejects: what cannot be undone is logged and counted, and ends with its lease, since nobody renews it. */
async function undo(
  { uuid, correlationId, holder, token, issuing, mayBeRecorded }: Begun,
  pod: PodIdentity,
  granting: Granting,
): Promise<void> {
  if (!token && !holder) return;
  await issuing?.catch(() => undefined);
  const { metrics, log } = granting;
  const { namespace } = pod;
  const work = {
    deadline: granting.newDeadline(UNDO_WITHIN_MS),
    vaultCalls: 0,
    ...(correlationId !== undefined && { correlationId }),
  };
  try {
    if (token)
      await counted(granting.grants.revoke(token, work), (outcome) =>
        metrics.count(`revoke_token_count_${outcome}`, { uuid, namespace }),
      );
    // A record whose token could not be revoked stays: the next sweep finds it.
    if (mayBeRecorded)
      await counted(granting.ledger.remove(uuid, work), (outcome) =>
        metrics.count(`delete_data_count_${outcome}`, { uuid, namespace }),
      );
    if (holder) await granting.held?.release(uuid, holder, work);
  } catch (error) {
    log.error('a grant of a denied pod could not be undone', error, { uuid, namespace });
  }
}

/** Its time counts as the phase's, however it ends. */
export async function inPhase<T>(
  phase: 'authorize' | 'place' | 'token' | 'credentials' | 'record' | 'undo',
  { metrics, clock }: Pick<Granting, 'metrics' | 'clock'>,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = clock();
  try {
    return await work();
  } finally {
    metrics.observe('admission_phase_duration_seconds', { phase }, (clock() - startedAt) / 1_000);
  }
}

async function counted<T>(promise: Promise<T>, count: (outcome: 'success' | 'error') => void): Promise<T> {
  try {
    const value = await promise;
    count('success');
    return value;
  } catch (error) {
    count('error');
    throw error;
  }
}

function aborted({ signal }: Deadline): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
