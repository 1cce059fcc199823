/** The examples' manifests, and pods as the API server stores them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse as parseYaml } from 'yaml';
import { UUID_ANNOTATION } from '../../shared/annotations.ts';
import { resolveEnvironment } from '../stack/kubernetes/environment.ts';
import { projectRoot } from '../stack/paths.ts';
import type { Demo } from './step.ts';

const Manifest = v.looseObject({
  metadata: v.looseObject({ name: v.optional(v.string()), namespace: v.string() }),
  spec: v.looseObject({}),
});
export type Manifest = v.InferOutput<typeof Manifest>;

const EXAMPLE_ADDRESS = 'postgres-server.tld:5432/dbname?sslmode=require';

/** A manifest of `examples/`, with the stack's PostgreSQL in place of the one that it names. */
export async function readExample(file: string, { stack }: Demo): Promise<Manifest> {
  const { host, pathname } = new URL(stack.description.databaseUrl);
  const text = await readFile(join(projectRoot, 'examples', file), 'utf8');
  return v.parse(Manifest, parseYaml(text.replaceAll(EXAMPLE_ADDRESS, `${host}${pathname}`)));
}

const Variable = v.object({
  name: v.string(),
  value: v.optional(v.string()),
  valueFrom: v.optional(v.unknown()),
});
const Stored = v.object({
  metadata: v.object({
    name: v.string(),
    namespace: v.string(),
    annotations: v.record(v.string(), v.string()),
  }),
  spec: v.object({
    containers: v.tuple([v.object({ env: v.optional(v.array(Variable), []) })]),
  }),
});

export interface StoredPod {
  readonly name: string;
  readonly namespace: string;
  readonly uuids: readonly string[];
  /** Environment of its only container, in order. */
  readonly env: ReadonlyMap<string, string>;
}

export type Answer =
  | { readonly pod: StoredPod }
  | { readonly pod?: undefined; readonly status: number; readonly message: string };

/** What the API server answers to the manifest. */
export async function tryCreate(manifest: Manifest, { stack }: Demo): Promise<Answer> {
  const path = `/api/v1/namespaces/${manifest.metadata.namespace}/pods`;
  const { status, body } = await stack.kubernetes.ask('POST', path, manifest);
  if (status !== 201) {
    return { status, message: v.parse(v.object({ message: v.string() }), JSON.parse(body)).message };
  }
  const { metadata, spec } = v.parse(Stored, JSON.parse(body));
  const env = await resolveEnvironment(spec.containers[0].env, metadata.namespace, stack.kubernetes);
  return {
    pod: {
      name: metadata.name,
      namespace: metadata.namespace,
      uuids: metadata.annotations[UUID_ANNOTATION]?.split(',') ?? [],
      env: new Map(env.map(({ name, value }) => [name, value ?? ''])),
    },
  };
}

/** @throws if the API server refuses it. */
export async function create(manifest: Manifest, demo: Demo): Promise<StoredPod> {
  const answer = await tryCreate(manifest, demo);
  if (!answer.pod) throw new Error(`the API server refused the pod: ${answer.message}`);
  return answer.pod;
}
