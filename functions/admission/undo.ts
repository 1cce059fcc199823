/** Revokes everything that an admission issued before it failed. */
import type { Deadline } from '../../shared/deadline.ts';
import type { Secret } from '../../shared/secret.ts';
import { beginWork, type Work } from '../../shared/vault/requests.ts';
import {
  counted,
  type GrantDependencies,
  type GrantProgress,
  inPhase,
  type SecretProgress,
} from './granting.ts';
import type { PodIdentity } from './pod-identity.ts';

// Undoing continues after the denial was sent: the API server may have little time, but the credentials must be revoked.
const UNDO_WITHIN_MS = 60_000;

/** @param answerBy when the denial has to be sent, even if undoing is not finished. */
export async function undoAll(
  progress: readonly GrantProgress[],
  pod: PodIdentity,
  failed: Work,
  answerBy: Deadline,
  dependencies: GrantDependencies,
): Promise<void> {
  const [first] = progress;
  const undoing = inPhase('undo', dependencies, async () => {
    const withdrawn = withdraw(first?.secret, pod, dependencies);
    await Promise.all(progress.map((grant) => undo(grant, pod, failed, withdrawn, dependencies)));
  });
  dependencies.background.add(undoing);
  await Promise.race([undoing, aborted(answerBy)]);
}

/** A token that arrives when nobody waits for it any more. */
export async function undoLate(
  progress: GrantProgress,
  late: Promise<Secret | undefined>,
  pod: PodIdentity,
  failed: Work,
  dependencies: GrantDependencies,
): Promise<void> {
  const token = await late.catch(() => undefined);
  if (token)
    await undo(
      { ...progress, token, mayBeRecorded: false },
      pod,
      failed,
      Promise.resolve(true),
      dependencies,
    );
}

/**
 * Never rejects: what cannot be undone is logged and counted, and expires with its lease, since nobody renews it.
 *
 * @param withdrawn whether the pod's Secret is gone: as long as it may exist, a record has to name it for the sweep.
 */
async function undo(
  { uuid, scope, token, issuing, mayBeRecorded }: GrantProgress,
  { namespace, name, serviceAccount }: PodIdentity,
  { correlationId }: Work,
  withdrawn: Promise<boolean>,
  { grants, ledger, slots, metrics, log, newDeadline }: GrantDependencies,
): Promise<void> {
  if (!token && !scope) return;
  await issuing?.catch(() => undefined);
  using deadline = newDeadline(UNDO_WITHIN_MS);
  const work = beginWork(deadline, correlationId === undefined ? {} : { correlationId });
  try {
    if (token)
      await counted(grants.revoke(token, work), (outcome) =>
        metrics.count(`revoke_token_count_${outcome}`, { uuid, namespace }),
      );
    // Keeps the record if the token could not be revoked: the next sweep finds it.
    if (mayBeRecorded && (await withdrawn))
      await counted(ledger.remove(uuid, work), (outcome) =>
        metrics.count(`delete_data_count_${outcome}`, { uuid, namespace }),
      );
    if (scope) await slots?.release(uuid, scope, work);
  } catch (error) {
    const facts = { uuid, namespace, pod: name, serviceAccount, mount: scope?.mount, role: scope?.role };
    log.error('a grant of a denied pod could not be undone', error, { ...facts, requestUid: correlationId });
  }
}

/** @returns whether the pod's Secret is certainly gone. */
async function withdraw(
  secret: SecretProgress | undefined,
  { namespace, name, serviceAccount }: PodIdentity,
  { secrets, log, newDeadline }: GrantDependencies,
): Promise<boolean> {
  if (!secret || secret.name === '') return true;
  using deadline = newDeadline(UNDO_WITHIN_MS);
  try {
    await secrets.remove(namespace, secret.name, deadline);
    return !secret.uncertain;
  } catch (error) {
    const facts = { namespace, pod: name, serviceAccount };
    log.error(`the Secret ${secret.name} of a denied pod remains until the next sweep`, error, facts);
    return false;
  }
}

function aborted({ signal }: Deadline): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
