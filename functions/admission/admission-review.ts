/**
 * Reads and writes AdmissionReviews (admission.k8s.io/v1,
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request).
 */
import * as v from 'valibot';
import { InjectorError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/json.ts';
import type { PatchOperation } from '../../shared/pod/patch.ts';
import { Pod } from '../../shared/pod/pod.ts';
import { printable } from '../../shared/secret.ts';

const Request = v.object({
  uid: v.pipe(v.string(), v.nonEmpty(), v.maxLength(128)),
  kind: v.object({ group: v.optional(v.string(), ''), version: v.string(), kind: v.string() }),
  subResource: v.optional(v.string(), ''),
  operation: v.string(),
  namespace: v.optional(v.string(), ''),
  dryRun: v.optional(v.nullable(v.boolean()), false),
  object: v.optional(v.unknown()),
});
const Review = v.object({
  apiVersion: v.literal('admission.k8s.io/v1'),
  kind: v.literal('AdmissionReview'),
  request: Request,
});

export interface PodCreation {
  readonly uid: string;
  readonly namespace: string;
  readonly dryRun: boolean;
  readonly pod: Pod;
}

/** The request; without a `creation` it does not concern us. */
export interface ParsedReview {
  readonly uid: string;
  readonly creation: PodCreation | undefined;
}

/** @throws InjectorError `request_invalid` or `request_too_large`, with one line that says what was expected. */
export function parseReview(body: Buffer): ParsedReview {
  const review = check(Review, parseJson(body), 'an AdmissionReview of admission.k8s.io/v1');
  const { uid, kind, subResource, operation, namespace, dryRun, object } = review.request;
  if (kind.kind !== 'Pod' || kind.group !== '' || kind.version !== 'v1') {
    throw invalid(
      `expected a review of a Pod (v1), found ${printable(`${kind.group} ${kind.version} ${kind.kind}`, 80)}`,
    );
  }
  if (operation !== 'CREATE' || subResource !== '') return { uid, creation: undefined };
  const pod = check(Pod, object, 'a Pod as request.object');
  if (namespace === '') throw invalid('request.namespace: is missing');
  if (pod.metadata.namespace !== '' && pod.metadata.namespace !== namespace) {
    throw invalid('request.namespace and metadata.namespace of the pod differ');
  }
  return { uid, creation: { uid, namespace, dryRun: dryRun === true, pod } };
}

// The API server writes it first, before anything that a pod's author has written.
const UID = /"request":\{"uid":"([\da-f-]{36})"/;
const UID_WITHIN_BYTES = 512;

/** The uid of a review whose body is too large to parse, so that the denial reaches the pod's author. */
export function uidOfUnread(body: Buffer): string | undefined {
  return UID.exec(body.subarray(0, UID_WITHIN_BYTES).toString('latin1'))?.[1];
}

function check<S extends v.GenericSchema>(schema: S, value: unknown, expected: string): v.InferOutput<S> {
  // Only the first fault: a list could have one per entry, enough to fill the memory.
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw invalid(`expected ${expected}: ${v.getDotPath(issue) ?? 'the body'} is invalid`);
}

function invalid(message: string): InjectorError {
  return new InjectorError('request_invalid', message);
}

export interface Verdict {
  readonly patch?: readonly PatchOperation[];
  readonly denial?: { readonly code: number; readonly message: string };
  readonly warnings: readonly string[];
}

// The API server cuts off warnings beyond these limits
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response).
const MAX_WARNING = 256;
const MAX_WARNINGS = 15;
// The event of a controller that could not create its pod holds 1,024 characters; a person reads the rest in the API
// server's answer.
const MAX_DENIAL = 4_096;

export function answerReview(uid: string, { patch, denial, warnings }: Verdict): object {
  const left = warnings.length - MAX_WARNINGS;
  const limited = left > 0 ? [...warnings.slice(0, MAX_WARNINGS - 1), `… and ${left + 1} more`] : warnings;
  const shown = limited.map((warning) => printable(warning, MAX_WARNING));
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: denial === undefined,
      ...(denial && { status: { code: denial.code, message: printable(denial.message, MAX_DENIAL) } }),
      ...(patch?.length && {
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
      }),
      ...(shown.length > 0 && { warnings: shown }),
    },
  };
}
