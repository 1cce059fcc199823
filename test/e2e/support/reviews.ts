/** AdmissionReviews put to the function directly, as the API server puts them. */
import { randomUUID } from 'node:crypto';
import jsonPatch from 'fast-json-patch';
import * as v from 'valibot';
import { parseDuration } from '../../../shared/duration.ts';
import { type HttpAnswer, request } from '../../stack/http.ts';
import type { PodManifest } from './pods.ts';
import { authority } from './stack.ts';

export interface ReviewWishes {
  readonly operation?: string;
  readonly dryRun?: boolean;
  readonly subResource?: string;
}

export function reviewOf(pod: PodManifest, wishes: ReviewWishes = {}) {
  const { operation = 'CREATE', dryRun = false, subResource } = wishes;
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: randomUUID(),
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      ...(subResource && { subResource }),
      operation,
      namespace: pod.metadata.namespace,
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
      object: pod,
      oldObject: null,
      dryRun,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
    },
  };
}

const Operation = v.object({ op: v.literal('add'), path: v.string(), value: v.unknown() });
const Answered = v.strictObject({
  apiVersion: v.literal('admission.k8s.io/v1'),
  kind: v.literal('AdmissionReview'),
  response: v.strictObject({
    uid: v.string(),
    allowed: v.boolean(),
    status: v.optional(v.strictObject({ code: v.number(), message: v.string() })),
    patchType: v.optional(v.literal('JSONPatch')),
    patch: v.optional(v.string()),
    warnings: v.optional(v.array(v.string()), []),
  }),
});

export interface Verdict {
  readonly allowed: boolean;
  readonly code: number | undefined;
  readonly message: string;
  readonly warnings: readonly string[];
  readonly operations: readonly v.InferOutput<typeof Operation>[];
}

interface Asked {
  readonly url: string;
  readonly path: string;
  /** That its certificate is from, where it is not that of the stack that all share. */
  readonly ca?: string;
}

/** The HTTP answer, whatever it is; like the API server, it waits no longer than it says. */
export function post(to: Asked, body: string, timeout = '5s'): Promise<HttpAnswer> {
  const headers = { 'content-type': 'application/json' };
  const timeoutMs = parseDuration(timeout) ?? 10_000;
  return request(`${to.url}${to.path}?timeout=${timeout}`, {
    method: 'POST',
    headers,
    body,
    ca: to.ca ?? authority,
    timeoutMs,
  });
}

/** @throws unless the answer is a review of that uid. */
export async function ask(
  to: Asked,
  review: ReturnType<typeof reviewOf>,
  timeout?: string,
): Promise<Verdict> {
  const { status, body } = await post(to, JSON.stringify(review), timeout);
  if (status !== 200) throw new Error(`HTTP ${status}: ${body}`);
  const { response } = v.parse(Answered, JSON.parse(body));
  if (response.uid !== review.request.uid) throw new Error('the answer is for another review');
  const patch = response.patch ? Buffer.from(response.patch, 'base64').toString() : '[]';
  return {
    allowed: response.allowed,
    code: response.status?.code,
    message: response.status?.message ?? '',
    warnings: response.warnings,
    operations: v.parse(v.array(Operation), JSON.parse(patch)),
  };
}

/** The pod with the verdict's patch applied, as the API server would go on with it. */
export function patched<P extends PodManifest>(pod: P, { operations }: Verdict): P {
  return jsonPatch.applyPatch(structuredClone(pod), operations, true).newDocument;
}
