/** ConfigMaps with a label, in one namespace: written once, listed, deleted. */
import * as v from 'valibot';
import type { Deadline } from '../deadline.ts';
import { type KubernetesClient, KubernetesError } from './api.ts';
import { listAll } from './lists.ts';

export interface StoredConfigMap {
  readonly name: string;
  readonly uid: string;
  /** Raw data as it was found, unchecked. */
  readonly data: unknown;
}

export interface ConfigMaps {
  /**
   * Creates an immutable ConfigMap.
   *
   * @returns whether it is new; `false` if the name is taken.
   */
  create(name: string, data: Readonly<Record<string, string>>, deadline: Deadline): Promise<boolean>;
  /** All ConfigMaps with the label; an incomplete list is never returned. */
  list(deadline: Deadline): Promise<StoredConfigMap[]>;
  /** Deletes this ConfigMap only, never another one that has taken its name. One that is already gone is success. */
  delete(configMap: Pick<StoredConfigMap, 'name' | 'uid'>, deadline: Deadline): Promise<void>;
}

const Item = v.object({
  metadata: v.object({ name: v.string(), uid: v.string() }),
  data: v.optional(v.unknown()),
});

/** ConfigMaps in the process' own namespace, with `label` set to `"true"`. */
export function createConfigMaps(api: KubernetesClient, label: string): ConfigMaps {
  const folder = async () => `/api/v1/namespaces/${encodeURIComponent(await api.namespace())}/configmaps`;

  return {
    async create(name, data, deadline) {
      const metadata = { name, labels: { [label]: 'true' } };
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, immutable: true, data };
      try {
        await api.send({ method: 'POST', path: await folder(), body, deadline });
        return true;
      } catch (error) {
        if (isOneOf(error, 'AlreadyExists')) return false;
        throw error;
      }
    },

    async list(deadline) {
      const query = { labelSelector: `${label}=true` };
      const items = await listAll(Item, { api, path: await folder(), query, deadline });
      return items.map(({ metadata, data }) => ({ ...metadata, data }));
    },

    async delete({ name, uid }, deadline) {
      const path = `${await folder()}/${encodeURIComponent(name)}`;
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
      try {
        await api.send({ method: 'DELETE', path, body, deadline });
      } catch (error) {
        if (!isOneOf(error, 'NotFound', 'Conflict')) throw error;
      }
    },
  };
}

/** Checks the API server's own reason: a proxy's 404 proves nothing. */
function isOneOf(error: unknown, ...reasons: readonly string[]): boolean {
  return error instanceof KubernetesError && reasons.includes(error.reason);
}
