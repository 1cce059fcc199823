/** The manifests of knative/ as `kubectl apply -k` would send them, and what the stack takes from them. */
import * as v from 'valibot';
import { parseAllDocuments } from 'yaml';
import { findOrInstall } from './install/index.ts';
import { run } from './install/run.ts';
import type { Manifest } from './kubernetes/api.ts';
import { projectRoot } from './paths.ts';
import { containerOf, podSpec } from './pod-template.ts';

const manifest = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.looseObject({
    name: v.string(),
    namespace: v.exactOptional(v.string()),
    labels: v.exactOptional(v.record(v.string(), v.string())),
  }),
});

/** @param folder of the kustomization; relative to the project's, or absolute. */
export const renderManifests = async (folder = 'knative'): Promise<Manifest[]> => {
  const command = await findOrInstall('kubectl', () => {});
  const rendered = await run({ command, args: ['kustomize', folder], cwd: projectRoot });
  return parseAllDocuments(rendered).map((document) => v.parse(manifest, document.toJS()));
};

const functionName = v.picklist(['admission', 'revocation', 'dead-letters', 'approle']);
const jobName = v.picklist(['renewal', 'replay']);

const knativeService = v.pipe(
  v.object({
    metadata: v.object({ name: functionName, namespace: v.string() }),
    spec: v.object({
      template: v.object({
        metadata: v.object({ annotations: v.record(v.string(), v.string()) }),
        spec: v.object({
          ...podSpec.entries,
          containerConcurrency: v.number(),
          timeoutSeconds: v.number(),
          responseStartTimeoutSeconds: v.optional(v.number()),
        }),
      }),
    }),
  }),
  v.transform(({ metadata, spec: { template } }) => ({
    ...metadata,
    annotations: template.metadata.annotations,
    containerConcurrency: template.spec.containerConcurrency,
    timeoutSeconds: template.spec.timeoutSeconds,
    responseStartTimeoutSeconds: template.spec.responseStartTimeoutSeconds,
    ...containerOf(template.spec),
  })),
);

const cronJob = v.pipe(
  v.object({
    metadata: v.object({ name: jobName, namespace: v.string() }),
    spec: v.object({
      schedule: v.string(),
      suspend: v.optional(v.boolean(), false),
      jobTemplate: v.object({
        spec: v.object({
          activeDeadlineSeconds: v.number(),
          template: v.object({ spec: podSpec }),
        }),
      }),
    }),
  }),
  v.transform(({ metadata, spec: { schedule, suspend, jobTemplate } }) => ({
    ...metadata,
    schedule,
    suspend,
    activeDeadlineSeconds: jobTemplate.spec.activeDeadlineSeconds,
    ...containerOf(jobTemplate.spec.template.spec),
  })),
);

const selector = v.strictObject({ matchLabels: v.record(v.string(), v.string()) });
const apiServerSource = v.pipe(
  v.object({
    metadata: v.object({ name: v.string(), namespace: v.string() }),
    spec: v.object({
      serviceAccountName: v.string(),
      mode: v.string(),
      resources: v.array(
        v.object({
          apiVersion: v.string(),
          kind: v.string(),
          selector: v.optional(selector),
        }),
      ),
      // Empty: all namespaces.
      namespaceSelector: v.partial(selector),
      sink: v.object({ ref: v.object({ kind: v.string(), name: v.string() }) }),
    }),
  }),
  v.transform(({ metadata, spec }) => ({ ...metadata, ...spec })),
);

const destination = v.object({
  ref: v.object({ kind: v.string(), name: v.string() }),
  audience: v.exactOptional(v.string()),
});
const trigger = v.pipe(
  v.object({
    metadata: v.object({ name: v.string(), namespace: v.string() }),
    spec: v.object({
      broker: v.string(),
      // Absent: all events.
      filter: v.optional(v.object({ attributes: v.record(v.string(), v.string()) })),
      subscriber: destination,
      delivery: v.object({
        retry: v.number(),
        backoffPolicy: v.picklist(['exponential', 'linear']),
        backoffDelay: v.string(),
        deadLetterSink: destination,
      }),
    }),
  }),
  v.transform(({ metadata, spec }) => ({ ...metadata, ...spec })),
);

/** What runs in a pod of it, and how Knative treats it. */
export type KnativeService = v.InferOutput<typeof knativeService>;
type CronJob = v.InferOutput<typeof cronJob>;
export type ApiServerSource = v.InferOutput<typeof apiServerSource>;
export type Trigger = v.InferOutput<typeof trigger>;

export type Manifests = {
  all: readonly Manifest[];
  /** @throws if the manifests have no such object. */
  find(kind: string, name: string): Manifest;
  knativeService(name: KnativeService['name']): KnativeService;
  cronJob(name: CronJob['name']): CronJob;
  apiServerSource(name: string): ApiServerSource;
  trigger(name: string): Trigger;
};

/** Rendered and parsed: what is missing or misspelt in them throws here. */
export const readManifests = async (folder = 'knative'): Promise<Manifests> => {
  const all = await renderManifests(folder);
  const named = (kind: string, name: string, group?: string): Manifest => {
    const found = all.find(
      (one) =>
        one.kind === kind &&
        one.metadata.name === name &&
        (group === undefined || one.apiVersion.startsWith(`${group}/`)),
    );
    if (found === undefined) throw new Error(`${folder} has no ${kind} "${name}"`);
    return found;
  };
  return {
    all,
    find: (kind, name) => named(kind, name),
    knativeService: (name) => v.parse(knativeService, named('Service', name, 'serving.knative.dev')),
    cronJob: (name) => v.parse(cronJob, named('CronJob', name)),
    apiServerSource: (name) => v.parse(apiServerSource, named('ApiServerSource', name)),
    trigger: (name) => v.parse(trigger, named('Trigger', name)),
  };
};
