/** The pods that a variant's Knative Services, Deployments and CronJobs would make. */
import * as v from 'valibot';
import type { Manifest } from '../../stack/kubernetes/api.ts';

const Env = v.object({ name: v.string(), value: v.string() });
const Probe = v.looseObject({ httpGet: v.looseObject({ path: v.string() }) });
const Container = v.looseObject({
  name: v.string(),
  image: v.string(),
  args: v.array(v.string()),
  env: v.array(Env),
  readinessProbe: v.optional(Probe),
  livenessProbe: v.optional(Probe),
  resources: v.object({
    requests: v.object({ cpu: v.string(), memory: v.string() }),
    limits: v.object({ memory: v.string() }),
  }),
  securityContext: v.looseObject({}),
});
const PodSpec = v.looseObject({
  serviceAccountName: v.string(),
  enableServiceLinks: v.boolean(),
  containers: v.tuple([Container]),
  volumes: v.array(v.looseObject({ name: v.string() })),
});
const Template = v.object({
  metadata: v.object({ labels: v.record(v.string(), v.string()) }),
  spec: PodSpec,
});
const OfService = v.object({ spec: v.object({ template: Template }) });
const OfCronJob = v.object({ spec: v.object({ jobTemplate: OfService }) });

export interface PodTemplate {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: v.InferOutput<typeof PodSpec>;
}

function templateIn(manifest: Manifest): v.InferOutput<typeof Template> | undefined {
  if (manifest.kind === 'CronJob') return v.parse(OfCronJob, manifest).spec.jobTemplate.spec.template;
  const isOfPods = manifest.kind === 'Deployment' || manifest.apiVersion === 'serving.knative.dev/v1';
  return isOfPods ? v.parse(OfService, manifest).spec.template : undefined;
}

export function podTemplatesIn(manifests: readonly Manifest[]): PodTemplate[] {
  return manifests.flatMap((manifest) => {
    const template = templateIn(manifest);
    if (template === undefined) return [];
    const { name, namespace = '' } = manifest.metadata;
    const isKnatives = manifest.apiVersion === 'serving.knative.dev/v1';
    // Knative adds it.
    const added = isKnatives ? { 'serving.knative.dev/service': name } : {};
    return [{ name, namespace, labels: { ...template.metadata.labels, ...added }, spec: template.spec }];
  });
}

type Probed = v.InferOutput<typeof Probe> | undefined;

/** The pod that its controller would create. */
export function podOf({ name, namespace, labels, spec }: PodTemplate) {
  const { containerConcurrency: _, timeoutSeconds: __, ...podSpec } = spec;
  const [{ readinessProbe, livenessProbe, ...container }] = podSpec.containers;
  // Knative knows the port.
  const probe = (given: Probed) => given && { ...given, httpGet: { port: 8080, ...given.httpGet } };
  const probes = { readinessProbe: probe(readinessProbe), livenessProbe: probe(livenessProbe) };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-pod`, namespace, labels },
    spec: { ...podSpec, containers: [{ ...container, ...probes }] },
  };
}

export const environmentIn = ({ spec }: PodTemplate): Readonly<Record<string, string>> =>
  Object.fromEntries(spec.containers[0].env.map(({ name, value }) => [name, value]));
