/** Pods as people write them, and as the API server stores them. */
import * as v from 'valibot';
import type { KubernetesApi } from '../../stack/kubernetes/api.ts';
import { resolveEnvironment } from '../../stack/kubernetes/environment.ts';
import { exampleAccount, exampleNamespace, stack } from './stack.ts';

const prefix = 'db-creds-injector.numberly.io/';

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: object;
}

export interface ContainerManifest {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly Variable[];
  readonly restartPolicy?: 'Always';
}

export interface PodManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly nodeName?: string;
    readonly containers: readonly ContainerManifest[];
    readonly initContainers?: readonly ContainerManifest[];
  };
}

export interface PodWishes {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  /** `null`: none is named. */
  readonly serviceAccount?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly containers?: readonly ContainerManifest[];
  readonly initContainers?: readonly ContainerManifest[];
}

let pods = 0;

export function container(name: string, env?: readonly Variable[]): ContainerManifest {
  return { name, image: 'registry.example/app:1', ...(env && { env }) };
}

/** @param annotations without their prefix. */
export function podWith(annotations: Readonly<Record<string, string>>, wishes: PodWishes = {}): PodManifest {
  const { generateName, serviceAccount = exampleAccount, initContainers } = wishes;
  pods += 1;
  const name = wishes.name ?? `pod-${process.pid}-${pods}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(generateName === undefined ? { name } : { generateName }),
      namespace: wishes.namespace ?? exampleNamespace,
      labels: wishes.labels ?? { 'vault-db-injector': 'true' },
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`${prefix}${key}`, value]),
      ),
    },
    spec: {
      ...(serviceAccount !== null && { serviceAccountName: serviceAccount }),
      containers: wishes.containers ?? [container('app')],
      ...(initContainers && { initContainers }),
    },
  };
}

const StoredContainer = v.looseObject({
  name: v.string(),
  env: v.optional(
    v.array(
      v.looseObject({ name: v.string(), value: v.optional(v.string()), valueFrom: v.optional(v.unknown()) }),
    ),
    [],
  ),
});
const StoredPod = v.looseObject({
  metadata: v.looseObject({
    name: v.string(),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
  }),
  spec: v.looseObject({
    serviceAccountName: v.string(),
    containers: v.array(StoredContainer),
    initContainers: v.optional(v.array(StoredContainer), []),
    ephemeralContainers: v.optional(v.array(StoredContainer), []),
  }),
});

export type StoredPod = v.InferOutput<typeof StoredPod>;

const Refusal = v.object({ message: v.string(), code: v.number() });

/** What the API server made of a pod. */
export type Creation =
  | { readonly pod: StoredPod; readonly refusal?: undefined; readonly warnings: readonly string[] }
  | { readonly pod?: undefined; readonly refusal: string; readonly warnings: readonly string[] };

/** @param on the API server, where it is not that of the stack that all share. */
export async function tryCreatePod(
  manifest: PodManifest,
  query = '',
  on: KubernetesApi = stack.kubernetes,
): Promise<Creation> {
  const path = `/api/v1/namespaces/${manifest.metadata.namespace}/pods${query}`;
  const { status, headers, body } = await on.ask('POST', path, manifest);
  const warnings = warningsIn(headers['warning']);
  if (status === 201)
    return {
      pod: await resolved(v.parse(StoredPod, JSON.parse(body)), manifest.metadata.namespace, on),
      warnings,
    };
  return { refusal: v.parse(Refusal, JSON.parse(body)).message, warnings };
}

/** @throws if the API server refuses it. */
export async function createPod(manifest: PodManifest, query = '', on: KubernetesApi = stack.kubernetes) {
  const { pod, refusal, warnings } = await tryCreatePod(manifest, query, on);
  if (!pod) throw new Error(`the API server refused the pod: ${refusal}`);
  return { ...pod, warnings };
}

export async function readPod(name: string, namespace = exampleNamespace): Promise<StoredPod> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  return resolved(v.parse(StoredPod, await stack.kubernetes.call('GET', path)), namespace);
}

/** The pod as its containers see it. */
async function resolved(
  pod: StoredPod,
  namespace: string,
  on: KubernetesApi = stack.kubernetes,
): Promise<StoredPod> {
  const withValues = (containers: StoredPod['spec']['containers']) =>
    Promise.all(
      containers.map(async (one) => ({ ...one, env: await resolveEnvironment(one.env, namespace, on) })),
    );
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: await withValues(containers),
      initContainers: await withValues(initContainers),
    },
  };
}

/** Parses `Warning: 299 - "…", 299 - "…"` (RFC 9111, 5.5). */
function warningsIn(header: string | string[] | undefined): string[] {
  const bytes = Array.isArray(header) ? header.join(', ') : (header ?? '');
  const text = Buffer.from(bytes, 'latin1').toString();
  return [...text.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, warning = '']) =>
    warning.replace(/\\(.)/g, '$1'),
  );
}

interface Annotated {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
}

/** A container's literal variables by name. */
export function environmentOf(pod: StoredPod, name = 'app'): Readonly<Record<string, string>> {
  const all = [...pod.spec.initContainers, ...pod.spec.containers];
  const found = all.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`the pod has no container ${name}`);
  return Object.fromEntries(found.env.map((entry) => [entry.name, entry.value ?? '']));
}

export function uuidsOf({ metadata }: Annotated): string[] {
  return metadata.annotations[`${prefix}uuid`]?.split(',') ?? [];
}
