/** The three processes that use Vault, as in their manifests: service account and environment. */
import * as v from 'valibot';
import type { Environment } from '../shared/config-source.ts';
import type { Deadline } from '../shared/deadline.ts';
import { type KubernetesApi, KubernetesError } from '../shared/kubernetes/api.ts';
import { readObject, type ServiceAccount } from '../shared/kubernetes/objects.ts';
import { NAMESPACE } from './objects.ts';

export const PROCESSES = ['admission', 'renewal', 'revocation'] as const;
export type ProcessName = (typeof PROCESSES)[number];

export interface ProcessPlace {
  readonly account: ServiceAccount;
  /** Audience of its token for Vault. */
  readonly audience: string;
  /** Environment of its container; `undefined` if it could not be read. */
  readonly environment: Environment | undefined;
}

const PodSpec = v.object({
  serviceAccountName: v.string(),
  containers: v.pipe(
    v.array(
      v.object({
        env: v.optional(v.array(v.object({ name: v.string(), value: v.optional(v.string(), '') })), []),
      }),
    ),
    v.minLength(1),
  ),
  volumes: v.optional(
    v.array(
      v.object({
        projected: v.optional(
          v.object({
            sources: v.optional(
              v.array(
                v.object({
                  serviceAccountToken: v.optional(v.object({ audience: v.optional(v.string(), '') })),
                }),
              ),
              [],
            ),
          }),
        ),
      }),
    ),
    [],
  ),
});
type PodSpec = v.InferOutput<typeof PodSpec>;

const Template = v.object({ template: v.object({ spec: PodSpec }) });
const OfService = v.pipe(
  v.object({ spec: Template }),
  v.transform(({ spec }) => spec.template.spec),
);
const OfCronJob = v.pipe(
  v.object({ spec: v.object({ jobTemplate: v.object({ spec: Template }) }) }),
  v.transform(({ spec }) => spec.jobTemplate.spec.template.spec),
);

const KNATIVE = `/apis/serving.knative.dev/v1/namespaces/${NAMESPACE}/services`;
const PLACES: Readonly<Record<ProcessName, readonly string[]>> = {
  // A Deployment, without Knative.
  admission: [`${KNATIVE}/admission`, `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/admission`],
  renewal: [`/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs/renewal`],
  revocation: [`${KNATIVE}/revocation`],
};

/** The service account in the manifests, if the cluster does not name one. */
export const accountOf = (process: string): ServiceAccount => ({
  namespace: NAMESPACE,
  name: `vault-db-injector-${process}`,
});

export async function readPlace(
  process: ProcessName,
  api: KubernetesApi,
  deadline: Deadline,
): Promise<ProcessPlace> {
  const schema = process === 'renewal' ? OfCronJob : OfService;
  for (const path of PLACES[process]) {
    const spec = await readObject(api, path, schema, deadline).catch((error: unknown) => {
      if (error instanceof KubernetesError) return undefined;
      throw error;
    });
    if (spec) return placeIn(spec);
  }
  return { account: accountOf(process), audience: 'vault', environment: undefined };
}

function placeIn({ serviceAccountName, containers, volumes }: PodSpec): ProcessPlace {
  const audiences = volumes
    .flatMap(({ projected }) => projected?.sources ?? [])
    .map(({ serviceAccountToken }) => serviceAccountToken?.audience ?? '');
  return {
    account: { namespace: NAMESPACE, name: serviceAccountName },
    audience: audiences.find((audience) => audience !== '') ?? 'vault',
    environment: Object.fromEntries((containers[0]?.env ?? []).map(({ name, value }) => [name, value])),
  };
}
