/** Lists of the API server, read in pages; never returned in part. */
import * as v from 'valibot';
import type { Deadline } from '../deadline.ts';
import { AnswerTooLong, checked, type KubernetesApi, KubernetesError } from './api.ts';

export interface ListRequest {
  readonly api: KubernetesApi;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly accept?: string;
  readonly deadline: Deadline;
}

// Page sizes for usual objects. A pod's author may write 256 KiB of annotations: such pages are requested again in
// smaller sizes.
const PAGE_SIZES = [500, 50, 5, 1];
// More pods than any cluster has.
const MOST_ITEMS = 1_000_000;

/**
 * All items. If the API server no longer has the next page (410), the list is restarted once: half of one is never
 * used.
 *
 * @throws KubernetesError, also for an item that does not match the schema.
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
  const Page = v.object({
    // A proxy before the API server may answer with JSON, too.
    kind: v.pipe(v.string(), v.endsWith('List')),
    metadata: v.object({ continue: v.optional(v.string(), '') }),
    // An empty list is `null` in metadata-only form, and as valid as any other.
    items: v.nullable(v.array(item)),
  });
  const all: v.InferOutput<S>[] = [];
  const tokens = new Set<string>();
  let [token, size] = ['', 0];
  do {
    const { answer, size: tookSize } = await page(request, token, size);
    size = tookSize;
    const { items, metadata } = checked(Page, answer);
    for (const one of items ?? []) all.push(one);
    token = metadata.continue;
    if (tokens.has(token) || all.length > MOST_ITEMS || tokens.size > MOST_ITEMS) throw endless();
    if (token !== '') tokens.add(token);
  } while (token !== '');
  return all;
}

/** @param size index of the page size to begin with; the first one that fits is kept. */
async function page({ api, path, query, accept, deadline }: ListRequest, token: string, size: number) {
  for (let at = size; ; at += 1) {
    const limit = PAGE_SIZES[at];
    const asked = new URLSearchParams({
      ...query,
      limit: String(limit),
      ...(token && { continue: token }),
    });
    try {
      const answer = await api.send({
        method: 'GET',
        path: `${path}?${asked}`,
        ...(accept && { accept }),
        deadline,
      });
      return { answer, size: at };
    } catch (error) {
      if (!(error instanceof AnswerTooLong) || at + 1 >= PAGE_SIZES.length) throw error;
    }
  }
}

/** A broken server would have us ask without end and remember all of it. */
function endless(): KubernetesError {
  return new KubernetesError('kubernetes_unavailable', "the API server's list has no end", 200);
}
