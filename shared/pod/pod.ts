/** A pod, as far as its database credentials are concerned. */
import * as v from 'valibot';

const SecurityContext = v.optional(
  v.nullable(
    v.looseObject({
      runAsUser: v.optional(v.nullable(v.number())),
      runAsNonRoot: v.optional(v.nullable(v.boolean())),
      fsGroup: v.optional(v.nullable(v.number())),
    }),
  ),
);
const VolumeMounts = v.array(
  v.looseObject({ name: v.string(), mountPath: v.string(), readOnly: v.optional(v.nullable(v.boolean())) }),
);
const VolumeDevices = v.array(v.looseObject({ name: v.string(), devicePath: v.string() }));
const Container = v.looseObject({
  name: v.string(),
  volumeDevices: v.optional(v.nullable(VolumeDevices)),
  volumeMounts: v.optional(v.nullable(VolumeMounts)),
  securityContext: SecurityContext,
  env: v.optional(v.nullable(v.array(v.looseObject({ name: v.string() })))),
});
/** Checked in place: there may be tens of thousands of labels and annotations, and nobody needs a copy. */
const Texts = v.custom<Record<string, string>>(
  (given) =>
    typeof given === 'object' &&
    given !== null &&
    !Array.isArray(given) &&
    Object.values(given).every((value) => typeof value === 'string'),
);
export const Pod = v.looseObject({
  metadata: v.looseObject({
    name: v.optional(v.string(), ''),
    generateName: v.optional(v.string(), ''),
    namespace: v.optional(v.string(), ''),
    labels: v.optional(v.nullable(Texts)),
    annotations: v.optional(v.nullable(Texts)),
  }),
  spec: v.looseObject({
    serviceAccountName: v.optional(v.string(), ''),
    nodeName: v.optional(v.string(), ''),
    securityContext: SecurityContext,
    volumes: v.optional(v.nullable(v.array(v.looseObject({ name: v.string() })))),
    containers: v.array(Container),
    initContainers: v.optional(v.nullable(v.array(Container))),
  }),
});
export type PodContainer = v.InferOutput<typeof Container>;
export type Pod = v.InferOutput<typeof Pod>;

// https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-config-mirror
export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/**
 * Whether it is the mirror of a static pod, which a kubelet runs from a local file: a patch of the mirror does not
 * reach its containers, and it may refer to no Secret and no service account.
 */
export const isMirror = ({ metadata }: Pod): boolean =>
  metadata.annotations?.[MIRROR_ANNOTATION] !== undefined;

/** Init containers first, as they run; `path` is a JSON Pointer (RFC 6901). */
export function containersOf({ spec }: Pod): { readonly container: PodContainer; readonly path: string }[] {
  const at = (list: string) => (container: PodContainer, index: number) => ({
    container,
    path: `/spec/${list}/${index}`,
  });
  return [...(spec.initContainers ?? []).map(at('initContainers')), ...spec.containers.map(at('containers'))];
}

/** The containers that get credentials. @param only their names; absent: all. */
export function givenContainers(pod: Pod, only: readonly string[] | undefined) {
  const names = only && new Set(only);
  return containersOf(pod).filter(({ container }) => !names || names.has(container.name));
}
