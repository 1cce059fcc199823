/**
 * The mutating admission: takes a pod that is being created, returns a patch with its database credentials (or a
 * denial).
 */
import {
  type DatabaseRequest,
  type ParsedAnnotations,
  type PodDefaults,
  parseAnnotations,
} from '../../shared/annotations.ts';
import type { Deadline } from '../../shared/deadline.ts';
import { asInjectorError, ERROR_CATALOGUE, type ErrorCode, InjectorError } from '../../shared/errors.ts';
import { exampleFacts } from '../../shared/pod/lease-facts.ts';
import { additionsFor, patchPod, textsFor } from '../../shared/pod/patch.ts';
import { isMirror } from '../../shared/pod/pod.ts';
import { OF_A_MIRROR, problemsOf, warningsOf } from '../../shared/pod/remarks.ts';
import { secretNameOf } from '../../shared/pod/secret-name.ts';
import type { Secret } from '../../shared/secret.ts';
import { AccessDenied, type Authorization } from '../../shared/vault/authorization.ts';
import type { Work } from '../../shared/vault/requests.ts';
import type { PodCreation, Verdict } from './admission-review.ts';
import { LEAST_WORK_MS } from './deadline.ts';
import { grantAll } from './grant.ts';
import { type GrantDependencies, inPhase, type PodGrant, type PodGrants } from './granting.ts';
import type { AuthorizedRequest, PodIdentity } from './pod-identity.ts';
import { type SweepWatch, staleSweep } from './sweep-watch.ts';

export interface Admission extends GrantDependencies {
  /** Absent if Vault decides, when the pod's service account logs in. */
  readonly authorization: Authorization | undefined;
  readonly sweepWatch: SweepWatch;
  readonly injectorLabel: string;
  readonly podDefaults: PodDefaults;
  readonly syncIntervalSeconds: number;
}

const UNTOUCHED: Verdict = { warnings: [] };
const DRY_RUN_UUID = '00000000-0000-0000-0000-000000000000';

/**
 * Never rejects: every failure becomes a denial with a sentence for the pod's owner.
 *
 * @param work deadline for issuing the pod's credentials.
 * @param answerBy when a denial must be sent.
 */
export async function admit(
  creation: PodCreation,
  work: Work,
  answerBy: Deadline,
  admission: Admission,
): Promise<Verdict> {
  const { pod } = creation;
  if (pod.metadata.labels?.[admission.injectorLabel] !== 'true') return UNTOUCHED;
  if (isMirror(pod)) return { warnings: [OF_A_MIRROR] };
  const startedAt = admission.clock();
  const ended = (result: Result) => {
    const seconds = (admission.clock() - startedAt) / 1_000;
    admission.metrics.observe('admission_duration_seconds', { result }, seconds);
  };
  const facts = () => ({
    requestUid: creation.uid,
    traceId: work.traceId,
    namespace: creation.namespace,
    pod: pod.metadata.name || pod.metadata.generateName,
    vaultCalls: work.vaultCalls,
    durationMs: Math.round(admission.clock() - startedAt),
  });
  try {
    const { verdict, uuids, databases, role, result } = await decide(creation, work, answerBy, admission);
    ended(result);
    if (!creation.dryRun) admission.metrics.count('mutated_pods_success_count', {});
    admission.log.info('pod admitted', {
      ...facts(),
      uuid: uuids,
      databases,
      role,
      outcome: result,
    });
    return verdict;
  } catch (thrown) {
    const error = asInjectorError(thrown);
    admission.metrics.count('mutated_pods_error_count', {});
    if (DENIALS.has(error.code)) {
      ended('denied');
      admission.log.denied('pod denied', thrown, facts());
    } else {
      ended('failed');
      admission.log.error('pod denied', thrown, facts());
    }
    return denialOf(error.code, error.message);
  }
}

export function denialOf(code: ErrorCode, why: string): Verdict {
  const message = `vault-db-injector: no database credentials for this pod: ${why}`;
  return { denial: { code: ERROR_CATALOGUE[code].status, message }, warnings: [] };
}

/** `denied` is for the pod's owner to fix, `failed` for somebody else. */
type Result = 'issued' | 'dry_run' | 'denied' | 'failed';
const DENIALS: ReadonlySet<ErrorCode> = new Set([
  'annotations_invalid',
  'service_account_denied',
  'secret_refused',
  'too_many_grants',
]);

interface Decision {
  readonly result: Result;
  readonly verdict: Verdict;
  readonly uuids: string;
  readonly databases: string;
  readonly role: string;
}

async function decide(
  creation: PodCreation,
  work: Work,
  answerBy: Deadline,
  admission: Admission,
): Promise<Decision> {
  const { pod, dryRun } = creation;
  const parsed = validated(parseAnnotations(pod.metadata.annotations ?? {}, admission.podDefaults), creation);
  const databases = parsed.requests.map(({ database }) => database || '(unnamed)').join(', ');
  const role = parsed.requests.map((request) => request.role).join(', ');
  const identity = podIdentityOf(creation);
  const [authorized, last] = await Promise.all([
    inPhase('authorize', admission, () => authorizeAll(parsed.requests, identity, work, admission)),
    admission.sweepWatch.last(),
  ]);
  if (dryRun) {
    const verdict = placeholders(creation, parsed);
    return { result: 'dry_run', verdict, uuids: DRY_RUN_UUID, databases, role };
  }
  if (work.deadline.remainingMs() < LEAST_WORK_MS) {
    throw new InjectorError(
      'deadline_too_short',
      'not enough time is left to get credentials from Vault; try again',
    );
  }
  const granted = await grantAll(authorized, identity, work, answerBy, admission);
  const delivered = deliver(creation, parsed, granted, admission);
  const verdict = { ...delivered, warnings: [...staleSweep(last, admission.now()), ...delivered.warnings] };
  return { result: 'issued', verdict, uuids: uuidsOf(granted.grants), databases, role };
}

function validated(parsed: ParsedAnnotations, { pod }: PodCreation): ParsedAnnotations {
  const problems = problemsOf(parsed, pod);
  if (problems.length > 0) throw new InjectorError('annotations_invalid', problems.join('; '));
  return parsed;
}

async function authorizeAll(
  requests: readonly DatabaseRequest[],
  { namespace, serviceAccount }: PodIdentity,
  work: Work,
  { authorization, metrics }: Admission,
): Promise<AuthorizedRequest[]> {
  if (!authorization) return requests.map((request) => ({ request, policy: '' }));
  const outcomes = await Promise.allSettled(
    requests.map(async (request) => {
      const { authRole, role } = request;
      const policy = await authorization.authorize({ authRole, role, namespace, serviceAccount }, work);
      return { request, policy };
    }),
  );
  const denials: string[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') continue;
    if (!(outcome.reason instanceof AccessDenied)) throw outcome.reason;
    const { denial, message } = outcome.reason;
    denials.push(message);
    // A role that does not exist is arbitrary text from the pod: as a label value it would create endless series.
    const role = denial === 'role' ? 'unknown' : (requests[index]?.authRole ?? '');
    const labels = { service_account_name: serviceAccount, namespace, db_role: role, cause: denial };
    metrics.count('service_account_denied_count', labels);
  }
  if (denials.length > 0) throw new InjectorError('service_account_denied', denials.join('; '));
  return outcomes.flatMap((outcome) => {
    if (outcome.status === 'rejected') return [];
    metrics.count('service_account_authorized_count', {});
    return [outcome.value];
  });
}

function deliver(
  creation: PodCreation,
  parsed: ParsedAnnotations,
  { grants, secretName }: PodGrants,
  admission: Admission,
): Verdict {
  const { pod } = creation;
  const requests = grants.map(({ request, texts }) => ({ request, variables: revealed(texts.variables) }));
  const additions = additionsFor(requests, secretName, uuidsOf(grants));
  const { operations, warnings } = patchPod(pod, additions, parsed.containers);
  return {
    patch: operations,
    warnings: [
      ...warningsOf(parsed, pod),
      ...warnings,
      ...shortLeases(grants, admission.syncIntervalSeconds),
    ],
  };
}

const revealed = (texts: ReadonlyMap<string, Secret>) =>
  new Map([...texts].map(([name, text]) => [name, text.reveal()]));

function placeholders(creation: PodCreation, parsed: ParsedAnnotations): Verdict {
  const requests = parsed.requests.map((request) => ({
    request,
    variables: textsFor(request, exampleFacts(request)).variables,
  }));
  const uuids = parsed.requests.map(() => DRY_RUN_UUID).join(',');
  const additions = additionsFor(requests, secretNameOf(DRY_RUN_UUID), uuids);
  const { operations, warnings } = patchPod(creation.pod, additions, parsed.containers);
  return { patch: operations, warnings: [...warningsOf(parsed, creation.pod), ...warnings] };
}

function shortLeases(grants: readonly PodGrant[], syncIntervalSeconds: number): string[] {
  const least = 2 * syncIntervalSeconds;
  return grants.flatMap(({ request, credentials: { leaseTtlSeconds }, tokenPeriodSeconds }) => {
    const [what, seconds] =
      tokenPeriodSeconds < leaseTtlSeconds
        ? ['tokens last', tokenPeriodSeconds]
        : ['leases last', leaseTtlSeconds];
    return seconds < least
      ? [
          `role "${request.role}": its ${what} ${seconds} s, less than two sync intervals (${least} s), and may end before they are renewed`,
        ]
      : [];
  });
}

function uuidsOf(grants: readonly PodGrant[]): string {
  return grants.map(({ uuid }) => uuid).join(',');
}

function podIdentityOf({ namespace, pod }: PodCreation): PodIdentity {
  return {
    namespace,
    serviceAccount: pod.spec.serviceAccountName || 'default',
    name: pod.metadata.name,
    generateName: pod.metadata.name ? '' : pod.metadata.generateName,
    nodeName: pod.spec.nodeName,
  };
}
