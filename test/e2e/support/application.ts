/** Pods of examples/application, and the application in them. */
import * as v from 'valibot';
import { type Application, startApplication as start } from '../../stack/application.ts';
import { createPod, environmentOf, type PodManifest, type StoredPod } from './pods.ts';
import { stack } from './stack.ts';

const Deployment = v.object({
  spec: v.object({
    replicas: v.number(),
    template: v.object({ metadata: v.looseObject({}), spec: v.looseObject({}) }),
  }),
});

/** The pods of a Deployment, as its controllers would make them: none of these is on the stack. */
export async function podsOfDeployment(namespace: string, name: string): Promise<StoredPod[]> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const { replicas, template } = v.parse(Deployment, await stack.kubernetes.call('GET', path)).spec;
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    ...template,
    metadata: { ...template.metadata, generateName: `${name}-`, namespace },
  };
  return Promise.all(Array.from({ length: replicas }, () => createPod(v.parse(Manifest, manifest))));
}

const Manifest = v.custom<PodManifest>((value) => v.is(v.object({ kind: v.literal('Pod') }), value));
export const startApplication = (pod: StoredPod): Promise<Application> =>
  start(pod.metadata.name, environmentOf(pod, 'notes'));
