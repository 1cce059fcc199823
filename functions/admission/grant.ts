/** Issues grants for database requests, all or none: if one fails, the others are undone. */

import { v7 as newUuid } from 'uuid';
import { needsSecret } from '../../shared/annotations.ts';
import type { Deadline } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { secretNameOf } from '../../shared/pod/secret-name.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { GrantDependencies, GrantProgress, PodGrants } from './granting.ts';
import { issue, record, storeInSecret } from './issue.ts';
import type { AuthorizedRequest, PodIdentity } from './pod-identity.ts';
import { undoAll } from './undo.ts';

/**
 * Issues in parallel and returns grants in the order given; each record is written as soon as its credentials exist,
 * and the pod's Secret together with the last of them.
 *
 * @param answerBy when the denial has to be sent, even if undoing is not finished.
 * @throws the first failure, after everything was undone (or at `answerBy`).
 */
export async function grantAll(
  authorized: readonly AuthorizedRequest[],
  pod: PodIdentity,
  work: Work,
  answerBy: Deadline,
  dependencies: GrantDependencies,
): Promise<PodGrants> {
  const progress = begin(authorized);
  const [{ secret } = { secret: { name: '', uncertain: false } }] = progress;
  const issuing = progress.map((one) => issue(one, pod, work, dependencies));
  const recording = progress.map(async (one, index) => {
    const issued = await issuing[index];
    if (issued) await record(one, issued, pod, work, dependencies);
  });
  const all = Promise.all(issuing);
  // A failure is handled where the records are awaited.
  all.catch(() => undefined);
  const keeping =
    secret.name === ''
      ? undefined
      : all.then((grants) => storeInSecret(grants, secret, pod, work, dependencies));
  const outcomes = await Promise.allSettled([...recording, keeping]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (!failed && !work.deadline.signal.aborted) return { grants: await all, secretName: secret.name };
  await undoAll(progress, pod, work, answerBy, dependencies);
  throw failed?.reason ?? tooLate(work.deadline.signal.reason);
}

function begin(authorized: readonly AuthorizedRequest[]): GrantProgress[] {
  const named = authorized.map((one) => ({ ...one, uuid: newUuid() }));
  const inSecret = named.some(({ request }) => needsSecret(request));
  const name = inSecret && named[0] ? secretNameOf(named[0].uuid) : '';
  const secret = { name, uncertain: false };
  return named.map((one) => ({ ...one, secret, mayBeRecorded: false }));
}

/** Everything was issued, but nobody waits for it any more. */
function tooLate(reason: unknown): InjectorError {
  if (reason instanceof InjectorError) return reason;
  return new InjectorError('vault_timeout', 'Vault used up all of the time', { cause: reason });
}
