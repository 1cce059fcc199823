/** Issues one grant: a token, credentials, a record; and the pod's Secret, if its credentials go into one. */
import { needsSecret } from '../../shared/annotations.ts';

import { asInjectorError } from '../../shared/errors.ts';
import { factsOf } from '../../shared/pod/lease-facts.ts';
import { textsFor } from '../../shared/pod/patch.ts';
import { Secret } from '../../shared/secret.ts';
import type { LedgerRecord } from '../../shared/vault/ledger.ts';
import type { Work } from '../../shared/vault/requests.ts';
import {
  counted,
  type GrantDependencies,
  type GrantProgress,
  inPhase,
  type PodGrant,
  type SecretProgress,
} from './granting.ts';
import type { PodIdentity } from './pod-identity.ts';
import { undoLate } from './undo.ts';

/** A grant, with the extra fields of its record. */
interface IssuedGrant extends PodGrant {
  readonly reference: LedgerRecord['token'];
}

export async function issue(
  progress: GrantProgress,
  pod: PodIdentity,
  work: Work,
  dependencies: GrantDependencies,
): Promise<IssuedGrant> {
  const { uuid, request } = progress;
  const startedAt = dependencies.clock();
  await takeSlot(progress, pod, work, dependencies);
  const { token, accessor, periodSeconds } = await obtainToken(progress, pod, work, dependencies);
  progress.token = token;
  const credentials = await inPhase('credentials', dependencies, () =>
    dependencies.grants.issue(request, token, work, (answer) => {
      progress.issuing = answer;
    }),
  );
  dependencies.log.info('credentials issued', {
    requestUid: work.correlationId,
    uuid,
    namespace: pod.namespace,
    pod: pod.name || pod.generateName,
    database: request.database,
    role: request.role,
    vaultCalls: work.vaultCalls,
    durationMs: Math.round(dependencies.clock() - startedAt),
  });
  const texts = textsFor(request, factsOf(request, credentials, dependencies.now()));
  return {
    uuid,
    request,
    credentials,
    texts: { variables: wrapped(texts.variables), files: wrapped(texts.files) },
    reference: dependencies.tokenReference === 'accessor' ? { accessor } : token,
    tokenPeriodSeconds: periodSeconds,
  };
}

const wrapped = (texts: ReadonlyMap<string, string>) =>
  new Map([...texts].map(([name, text]) => [name, new Secret(text)]));

/** Counts before anything is created: a denial for too many grants costs Vault no token. */
async function takeSlot(
  progress: GrantProgress,
  { namespace }: PodIdentity,
  work: Work,
  dependencies: GrantDependencies,
): Promise<void> {
  const { slots } = dependencies;
  if (!slots) return;
  const { mount, role } = progress.request;
  const scope = { namespace, mount, role };
  progress.scope = scope;
  await inPhase('slot', dependencies, () => slots.take(progress.uuid, scope, work));
}

function obtainToken(progress: GrantProgress, pod: PodIdentity, work: Work, dependencies: GrantDependencies) {
  const { podTokens, metrics, background } = dependencies;
  return counted(
    inPhase('token', dependencies, () =>
      podTokens.obtain(progress, pod, work, (late) =>
        background.add(undoLate(progress, late, pod, work, dependencies)),
      ),
    ),
    (outcome) => metrics.count(`orphan_ticket_created_count_${outcome}`, {}),
  );
}

export async function record(
  progress: GrantProgress,
  { uuid, request, credentials, reference, tokenPeriodSeconds }: IssuedGrant,
  pod: PodIdentity,
  work: Work,
  dependencies: GrantDependencies,
): Promise<void> {
  progress.mayBeRecorded = true;
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
    clusterId: dependencies.clusterId,
    secretName: progress.secret.name || undefined,
  };
  await counted(
    inPhase('record', dependencies, () => dependencies.ledger.write(uuid, written, work)),
    (outcome) =>
      dependencies.metrics.count(`store_data_count_${outcome}`, { uuid, namespace: pod.namespace }),
  );
}

/** All texts that the pod gets from its Secret. */
export async function storeInSecret(
  grants: readonly PodGrant[],
  progress: SecretProgress,
  { namespace }: PodIdentity,
  work: Work,
  dependencies: GrantDependencies,
): Promise<void> {
  const stored = grants.filter(({ request }) => needsSecret(request));
  const secret = {
    namespace,
    name: progress.name,
    uuids: grants.map(({ uuid }) => uuid),
    databases: stored.map(({ request }) => request.database || request.role),
    values: new Map(
      stored.flatMap(({ request, texts: { variables, files } }) => [
        ...(request.inSecret ? variables : []),
        ...files,
      ]),
    ),
  };
  progress.uncertain = true;
  await inPhase('secret', dependencies, () => dependencies.secrets.create(secret, work.deadline)).catch(
    (thrown: unknown) => {
      // The API server refused it, so it does not exist.
      progress.uncertain = asInjectorError(thrown).retryable;
      throw thrown;
    },
  );
  progress.uncertain = false;
}
