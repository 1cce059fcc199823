/**
 * Secrets with a pod's credentials in them: made once, never read, deleted by their name. The service accounts of ours may
 * do no more, and a ValidatingAdmissionPolicy keeps them to Secrets of this type and label. The API server answers to PATCH
 * and to some DELETEs with the object: we ask for its metadata alone
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables).
 */
import type { Deadline } from '../deadline.ts';
import { InjectorError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { type KubernetesApi, KubernetesError } from './api.ts';
import type { LivePod } from './pods.ts';

const SECRET_TYPE = 'vault-db-injector.numberly.io/credentials';
const SECRET_LABEL = 'vault-db-injector.numberly.io/credentials';
/** For Velero: restored, a Secret would be one that no record knows, with credentials that have ended. */
const NOT_TO_BE_KEPT = 'velero.io/exclude-from-backup';
const UUIDS = 'vault-db-injector.numberly.io/uuids';
const DATABASES = 'vault-db-injector.numberly.io/databases';

interface PodSecret {
  readonly namespace: string;
  readonly name: string;
  /** Of the pod's grants, and what they are for; for people. */
  readonly uuids: readonly string[];
  readonly databases: readonly string[];
  /** By the names of the environment variables. */
  readonly values: ReadonlyMap<string, Secret>;
}

export interface PodSecrets {
  /** @throws InjectorError `secret_refused` where the namespace may not have one more; KubernetesError */
  create(secret: PodSecret, deadline: Deadline): Promise<void>;
  /** One that is gone is as good as deleted. */
  remove(namespace: string, name: string, deadline: Deadline): Promise<void>;
  /**
   * Has Kubernetes delete it with the pod.
   *
   * @returns whether it is there.
   */
  setOwner(name: string, pod: LivePod, deadline: Deadline): Promise<boolean>;
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
/** What the policy says of one whose owner was set before. */
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
        // Its name is new: it is ours, of an attempt whose answer was lost.
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
        // By a sweep before, which the memory does not know of any more.
        if (error instanceof KubernetesError && HAS_ITS_OWNER.test(error.message)) return true;
        throw error;
      }
    },
  };
}

function isGone(error: unknown): boolean {
  return error instanceof KubernetesError && error.reason === 'NotFound';
}

/** What the namespace's owner has to mend, told as such. */
function refused(error: unknown, namespace: string): unknown {
  if (!(error instanceof KubernetesError) || !QUOTA.test(error.message)) return error;
  const message = `namespace "${namespace}" may have no further Secret, and the credentials are delivered in one: ${error.message}`;
  return new InjectorError('secret_refused', message, { cause: error });
}
