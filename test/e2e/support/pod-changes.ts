/** Every way by which somebody can change a pod's labels and annotations. */
import * as v from 'valibot';
import { kubectl } from './kubectl.ts';
import { stack } from './stack.ts';

const Pod = v.looseObject({
  metadata: v.looseObject({
    labels: v.optional(v.record(v.string(), v.string()), {}),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
  }),
});
type Pod = v.InferOutput<typeof Pod>;

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

export async function readWhole({ namespace: of, name }: Place): Promise<Pod> {
  return v.parse(Pod, await stack.kubernetes.call('GET', `/api/v1/namespaces/${of}/pods/${name}`));
}

/** Labels or annotations in a merge patch. */
export type Change = Readonly<Record<'labels' | 'annotations', Readonly<Record<string, string | null>>>>;

function changed(pod: Pod, { labels, annotations }: Change): Pod {
  const merged = (was: Readonly<Record<string, string>>, now: Readonly<Record<string, string | null>>) =>
    Object.fromEntries(
      Object.entries({ ...was, ...now }).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
    );
  const { metadata } = pod;
  return {
    ...pod,
    metadata: {
      ...metadata,
      labels: merged(metadata.labels, labels),
      annotations: merged(metadata.annotations, annotations),
    },
  };
}

function jsonPatch({ labels, annotations }: Change): object[] {
  const operations = (field: string, values: Readonly<Record<string, string | null>>) =>
    Object.entries(values).map(([key, value]) => {
      const path = `/metadata/${field}/${key.replaceAll('/', '~1')}`;
      return value === null ? { op: 'remove', path } : { op: 'add', path, value };
    });
  return [...operations('labels', labels), ...operations('annotations', annotations)];
}

/** The ways in, by what kubectl is told. */
export const ways: Readonly<Record<string, (place: Place, change: Change) => ReturnType<typeof kubectl>>> = {
  PUT: async (place, change) =>
    kubectl(['replace', '--filename=-'], JSON.stringify(changed(await readWhole(place), change))),
  'PUT of its status': async (place, change) =>
    kubectl(
      ['replace', '--subresource=status', '--filename=-'],
      JSON.stringify(changed(await readWhole(place), change)),
    ),
  'a merge patch': (place, change) => patch(place, 'merge', { metadata: change }),
  'a merge patch of its status': (place, change) => patch(place, 'merge', { metadata: change }, 'status'),
  'a strategic merge patch': (place, change) => patch(place, 'strategic', { metadata: change }),
  'a JSON patch': (place, change) => patch(place, 'json', jsonPatch(change)),
  'a JSON patch of its status': (place, change) => patch(place, 'json', jsonPatch(change), 'status'),
};

export function patch({ namespace: of, name }: Place, type: string, body: unknown, subresource?: string) {
  const part = subresource === undefined ? [] : [`--subresource=${subresource}`];
  return kubectl([
    'patch',
    'pod',
    name,
    '-n',
    of,
    `--type=${type}`,
    `--patch=${JSON.stringify(body)}`,
    ...part,
  ]);
}

export async function readMetadata(place: Place) {
  const { labels, annotations } = (await readWhole(place)).metadata;
  return { labels, annotations };
}
