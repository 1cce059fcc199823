/**
 * Secrets with a pod's credentials: created once, never read, deleted by name. Our service accounts may do no more,
 * and a ValidatingAdmissionPolicy limits them to Secrets of this type and label. The API server answers PATCH and
 * some DELETEs with the object: we ask for its metadata only
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables).
 */
import type { Deadline } from '../deadline.ts';
import { InjectorError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { type KubernetesApi, KubernetesError } from './api.ts';
import type { LivePod } from './pods.ts';

const SECRET_TYPE = 'vault-db-injector.numberly.io/credentials';
const SECRET_LABEL = 'vault-db-injector.numberly.io/credentials';
/** Excludes the Secret from Velero's backups: a restored one would have no record, and expired credentials. */
const NOT_TO_BE_KEPT = 'velero.io/exclude-from-backup';
const UUIDS = 'vault-db-injector.numberly.io/uuids';
const DATABASES = 'vault-db-injector.numberly.io/databases';

interface PodSecret {
  readonly namespace: string;
  readonly name: string;
  /** The pod's grants and what they are for; for people to read. */
  readonly uuids: readonly string[];
  readonly databases: readonly string[];
  /** Values by environment variable. */
  readonly values: ReadonlyMap<string, Secret>;
}

export interface PodSecrets {
  /** @throws InjectorError `secret_refused` if the namespace's quota is used up; KubernetesError */
  create(secret: PodSecret, deadline: Deadline): Promise<void>;
  /** Deletes the Secret; one that is already gone is success. */
  remove(namespace: string, name: string, deadline: Deadline): Promise<void>;
  /**
   * Sets the owner, so that Kubernetes deletes it with the pod.
   *
   * @returns whether it exists.
   */
  setOwner(name: string, pod: LivePod, deadline: Deadline): Promise<boolean>;
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
/** The policy's message for a Secret that already has an owner. */
const HAS_ITS_OWNER = /has its owner already/;
const QUOTA = /exceeded quota|is being terminated/;

export function createPodSecrets(api: KubernetesApi): PodSecrets {
  const folderOf = (namespace: string) => `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
  const pathOf = (namespace: string, name: string) => `${folderOf(namespace)}/${encodeURIComponent(name)}`;

  return {
    async create({ namespace, name, uuids, databases, values }, deadline) {
      const data = [...values].map(([key, value]) => [key, Buffer.from(value.reveal()).toString('base64')]);
      const metadata = {
        name,
        namespace,
        labels: { [SECRET_LABEL]: 'true', [NOT_TO_BE_KEPT]: 'true' },
        annotations: { [UUIDS]: uuids.join(','), [DATABASES]: databases.join(',') },
      };
      const body = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata,
        type: SECRET_TYPE,
        immutable: true,
        data: Object.fromEntries(data),
      };
      try {
        const path = folderOf(namespace);
        await api.send({ method: 'POST', path, accept: METADATA_ONLY, body, deadline });
      } catch (error) {
        // The name is unique: an existing one is ours, from an attempt whose answer was lost.
        if (error instanceof KubernetesError && error.reason === 'AlreadyExists') return;
        throw refused(error, namespace);
      }
    },

    async remove(namespace, name, deadline) {
      try {
        const path = pathOf(namespace, name);
        await api.send({ method: 'DELETE', path, accept: METADATA_ONLY, deadline });
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },

    async setOwner(name, { namespace, name: podName, uid }, deadline) {
      const owner = { apiVersion: 'v1', kind: 'Pod', name: podName, uid };
      const body = { metadata: { ownerReferences: [owner] } };
      try {
        const path = pathOf(namespace, name);
        await api.send({ method: 'PATCH', path, accept: METADATA_ONLY, body, deadline });
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        // Set by an earlier sweep that the memory no longer knows of.
        if (error instanceof KubernetesError && HAS_ITS_OWNER.test(error.message)) return true;
        throw error;
      }
    },
  };
}

function isGone(error: unknown): boolean {
  return error instanceof KubernetesError && error.reason === 'NotFound';
}

/** A fault that the namespace's owner has to fix, reported as such. */
function refused(error: unknown, namespace: string): unknown {
  if (!(error instanceof KubernetesError) || !QUOTA.test(error.message)) return error;
  const message = `namespace "${namespace}" may have no further Secret, and the credentials are delivered in one: ${error.message}`;
  return new InjectorError('secret_refused', message, { cause: error });
}
