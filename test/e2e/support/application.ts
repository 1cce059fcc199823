/** examples/application, run as a kubelet would: a process with the environment of the pod that is stored. */
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import * as v from 'valibot';
import { request } from '../../stack/http.ts';
import { nodeProgram, projectRoot } from '../../stack/paths.ts';
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
const Shown = v.object({ pod: v.string(), user: v.string(), notes: v.array(v.string()) });

export interface Application {
  /** What it shows. */
  show(): Promise<v.InferOutput<typeof Shown>>;
  stop(): Promise<void>;
}

export async function startApplication(pod: StoredPod): Promise<Application> {
  const process = execa(nodeProgram, [join(projectRoot, 'examples/application/server.mjs')], {
    env: { ...environmentOf(pod, 'notes'), HOSTNAME: pod.metadata.name, PORT: '0' },
    extendEnv: false,
    reject: false,
  });
  const url = await listeningAt(process);
  return {
    show: async () => v.parse(Shown, JSON.parse((await request(url)).body)),
    async stop() {
      process.kill();
      await process;
    },
  };
}

function listeningAt({ stdout }: { readonly stdout: Readable }): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    stdout.on('data', (chunk: Buffer) => {
      said += String(chunk);
      const [, port] = /^listening on port (\d+)$/m.exec(said) ?? [];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
    stdout.on('end', () => reject(new Error('the application ended before it listened')));
  });
}
