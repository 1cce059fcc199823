/** Lists of the API server, in pages, and never returned in part. */
import * as v from 'valibot';
import type { Deadline } from '../deadline.ts';
import { checked, type KubernetesApi, KubernetesError } from './api.ts';

export interface ListRequest {
  readonly api: KubernetesApi;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly accept?: string;
  readonly deadline: Deadline;
}

const PAGE_SIZE = 500;

/**
 * All items. A list whose next page the API server no longer has (410) is begun anew, once: half of one is never used.
 *
 * @throws KubernetesError, also where an item is not as the schema says.
 */
export async function listAll<S extends v.GenericSchema>(
  item: S,
  request: ListRequest,
): Promise<v.InferOutput<S>[]> {
  try {
    return await pages(item, request);
  } catch (error) {
    if (error instanceof KubernetesError && error.status === 410) return pages(item, request);
    throw error;
  }
}

async function pages<S extends v.GenericSchema>(item: S, request: ListRequest): Promise<v.InferOutput<S>[]> {
  const { api, path, query, accept, deadline } = request;
  const Page = v.object({
    metadata: v.object({ continue: v.optional(v.string(), '') }),
    // A list of nothing is `null` in metadata-only form, and an answer like all others.
    items: v.nullable(v.array(item)),
  });
  const all: v.InferOutput<S>[] = [];
  let token = '';
  do {
    const page = new URLSearchParams({
      ...query,
      limit: String(PAGE_SIZE),
      ...(token && { continue: token }),
    });
    const answer = await api.send({
      method: 'GET',
      path: `${path}?${page}`,
      ...(accept && { accept }),
      deadline,
    });
    const { items, metadata } = checked(Page, answer);
    all.push(...(items ?? []));
    token = metadata.continue;
  } while (token !== '');
  return all;
}
