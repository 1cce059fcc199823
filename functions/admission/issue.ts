/** Issues one grant: a token, credentials, a record; and the pod's Secret, if its credentials go into one. */

import { asInjectorError } from '../../shared/errors.ts';
import { factsOf } from '../../shared/pod/lease-facts.ts';
import { textsFor } from '../../shared/pod/patch.ts';
import { Secret } from '../../shared/secret.ts';
import type { LedgerRecord } from '../../shared/vault/ledger.ts';
import type { Work } from '../../shared/vault/requests.ts';
import {
  type Begun,
  type BegunSecret,
  counted,
  type Grant,
  type Granting,
  inPhase,
  type PodIdentity,
} from './granting.ts';
import { undoLate } from './undo.ts';

/** A grant, with the extra fields of its record. */
interface Issued extends Grant {
  readonly reference: LedgerRecord['token'];
}

export async function issue(begun: Begun, pod: PodIdentity, work: Work, granting: Granting): Promise<Issued> {
  const { uuid, request } = begun;
  const startedAt = granting.clock();
  await takePlace(begun, pod, work, granting);
  const { token, accessor, periodSeconds } = await obtainToken(begun, pod, work, granting);
  begun.token = token;
  const credentials = await inPhase('credentials', granting, () =>
    granting.grants.issue(request, token, work, (answer) => {
      begun.issuing = answer;
    }),
  );
  granting.log.info('credentials issued', {
    requestUid: work.correlationId,
    uuid,
    namespace: pod.namespace,
    pod: pod.name || pod.generateName,
    database: request.database,
    role: request.role,
    vaultCalls: work.vaultCalls,
    durationMs: Math.round(granting.clock() - startedAt),
  });
  const texts = [...textsFor(request, factsOf(request, credentials, granting.now()))];
  return {
    uuid,
    request,
    credentials,
    texts: new Map(texts.map(([variable, text]) => [variable, new Secret(text)])),
    reference: granting.tokenReference === 'accessor' ? { accessor } : token,
    tokenPeriodSeconds: periodSeconds,
  };
}

/** Counts before anything is created: a denial for too many grants costs Vault no token. */
async function takePlace(
  begun: Begun,
  { namespace }: PodIdentity,
  work: Work,
  granting: Granting,
): Promise<void> {
  const { held } = granting;
  if (!held) return;
  const { mount, role } = begun.request;
  const holder = { namespace, mount, role };
  begun.holder = holder;
  await inPhase('place', granting, () => held.take(begun.uuid, holder, work));
}

function obtainToken(begun: Begun, pod: PodIdentity, work: Work, granting: Granting) {
  const { podTokens, metrics, background } = granting;
  return counted(
    inPhase('token', granting, () =>
      podTokens.obtain(begun, pod, work, (late) =>
        background.add(undoLate(begun, late, pod, work, granting)),
      ),
    ),
    (outcome) => metrics.count(`orphan_ticket_created_count_${outcome}`, {}),
  );
}

export async function record(
  begun: Begun,
  { uuid, request, credentials, reference, tokenPeriodSeconds }: Issued,
  pod: PodIdentity,
  work: Work,
  granting: Granting,
): Promise<void> {
  begun.mayBeRecorded = true;
  const written = {
    leaseId: credentials.leaseId,
    token: reference,
    namespace: pod.namespace,
    serviceAccountName: pod.serviceAccount,
    podName: pod.name,
    nodeName: pod.nodeName,
    database: request.database,
    mount: request.mount,
    role: request.role,
    userName: credentials.userName,
    leaseTtlSeconds: credentials.leaseTtlSeconds,
    tokenPeriodSeconds,
    clusterId: granting.clusterId,
    secretName: begun.secret.name || undefined,
  };
  await counted(
    inPhase('record', granting, () => granting.ledger.write(uuid, written, work)),
    (outcome) => granting.metrics.count(`store_data_count_${outcome}`, { uuid, namespace: pod.namespace }),
  );
}

/** All values that the pod gets by reference. */
export async function keepInSecret(
  grants: readonly Grant[],
  begun: BegunSecret,
  { namespace }: PodIdentity,
  work: Work,
  granting: Granting,
): Promise<void> {
  const kept = grants.filter(({ request }) => request.inSecret);
  const secret = {
    namespace,
    name: begun.name,
    uuids: grants.map(({ uuid }) => uuid),
    databases: kept.map(({ request }) => request.database || request.role),
    values: new Map(kept.flatMap(({ texts }) => [...texts])),
  };
  begun.uncertain = true;
  await inPhase('secret', granting, () => granting.secrets.create(secret, work.deadline)).catch(
    (thrown: unknown) => {
      // The API server refused it, so it does not exist.
      begun.uncertain = asInjectorError(thrown).retryable;
      throw thrown;
    },
  );
  begun.uncertain = false;
}
