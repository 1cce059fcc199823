/**
 * Pods, with as little of them as needed: names, uid and the injector's annotation. Lists are metadata-only; a single
 * pod is read whole, since its phase is not in the metadata.
 */
import * as v from 'valibot';
import { UUID_ANNOTATION } from '../annotations.ts';
import type { Deadline } from '../deadline.ts';
import { MIRROR_ANNOTATION } from '../pod/pod.ts';
import { checked, type KubernetesApi, KubernetesError } from './api.ts';
import { listAll } from './lists.ts';

export interface LivePod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The pod's grants, from its annotation. */
  readonly uuids: readonly string[];
}

export interface Pods {
  /**
   * All pods with the label that have neither succeeded nor failed, in all namespaces.
   *
   * @throws KubernetesError; an incomplete list is never returned.
   */
  listLive(label: string, deadline: Deadline): Promise<LivePod[]>;
  /** All pods of a namespace, labelled or not, that have neither succeeded nor failed; as complete as `listLive`. */
  listNamespace(namespace: string, deadline: Deadline): Promise<LivePod[]>;
  /** The pod of that name, whatever its labels; `undefined` if there is no such pod or it has ended. */
  get(namespace: string, name: string, deadline: Deadline): Promise<LivePod | undefined>;
}

// A pod has at most this many databases; further entries in the annotation are not ours.
const MAX_UUIDS = 32;
const MAX_UUIDS_LENGTH = 2_048;
// Copies the substring, which would otherwise keep the whole text in memory.
const beginning = v.pipe(
  v.string(),
  v.transform((text) => Buffer.from(text.slice(0, MAX_UUIDS_LENGTH)).toString()),
);
const Metadata = v.object({
  namespace: v.string(),
  name: v.string(),
  uid: v.string(),
  // Other annotations are dropped: those of all pods of a cluster would not fit into the job's memory.
  annotations: v.optional(
    v.object({
      [UUID_ANNOTATION]: v.optional(beginning),
      [MIRROR_ANNOTATION]: v.optional(beginning),
    }),
    {},
  ),
});
const Item = v.object({ metadata: Metadata });
const PodWithPhase = v.object({
  kind: v.literal('Pod'),
  metadata: Metadata,
  status: v.optional(v.object({ phase: v.optional(v.string(), '') }), {}),
});

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const ENDED = ['Succeeded', 'Failed'];

export function createPods(api: KubernetesApi): Pods {
  async function list(path: string, labelSelector: string | undefined, deadline: Deadline) {
    const query = {
      ...(labelSelector && { labelSelector }),
      // The phase is not in the metadata, so the API server has to filter out ended pods.
      fieldSelector: ENDED.map((phase) => `status.phase!=${phase}`).join(','),
    };
    const items = await listAll(Item, { api, path, query, accept: METADATA_ONLY, deadline });
    return items.filter(({ metadata }) => mayHaveGrants(metadata)).map(({ metadata }) => livePod(metadata));
  }

  return {
    listLive: (label, deadline) => list('/api/v1/pods', `${label}=true`, deadline),
    async listNamespace(namespace, deadline) {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
      const listed = await list(path, undefined, deadline);
      if (listed.some((pod) => pod.namespace !== namespace)) throw anotherAnswer();
      return listed;
    },

    async get(namespace, name, deadline) {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
      try {
        const pod = checked(PodWithPhase, await api.send({ method: 'GET', path, deadline }));
        if (pod.metadata.namespace !== namespace || pod.metadata.name !== name) throw anotherAnswer();
        return ENDED.includes(pod.status.phase ?? '') ? undefined : livePod(pod.metadata);
      } catch (error) {
        if (error instanceof KubernetesError && error.status === 404 && error.reason === 'NotFound')
          return undefined;
        throw error;
      }
    },
  };
}

/** Somebody else's pod in the list says nothing about the ones that were requested. */
function anotherAnswer(): KubernetesError {
  return new KubernetesError('kubernetes_unavailable', "the API server's answer is about other pods", 200);
}

/** A static pod has no grants and needs none: admission ignores its mirror pod. */
const mayHaveGrants = ({ annotations }: v.InferOutput<typeof Metadata>): boolean =>
  annotations[MIRROR_ANNOTATION] === undefined || annotations[UUID_ANNOTATION] !== undefined;

function livePod({ namespace, name, uid, annotations }: v.InferOutput<typeof Metadata>): LivePod {
  return { namespace, name, uid, uuids: parseUuids(annotations[UUID_ANNOTATION]) };
}

/** The uuids in the annotation's value. */
export function parseUuids(annotation: string | undefined): string[] {
  return (annotation ?? '')
    .slice(0, MAX_UUIDS_LENGTH)
    .split(',')
    .map((uuid) => uuid.trim())
    .filter((uuid) => uuid !== '')
    .slice(0, MAX_UUIDS);
}
