/** Manifests as the modules of Knative have them, made fit for a node of two cores and for images of our own. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Document, isMap, isScalar, parseAllDocuments, visit } from 'yaml';
import { run } from '../stack/install/run.ts';
import { registry, versions } from './settings.ts';

const goFolder = (module: string) => join(import.meta.dirname, 'go', module);
const Downloaded = v.object({ Dir: v.string() });

/** Where the module's sources are, in the version that the cluster is built of. */
export async function sourceOf(goModule: string, builtIn: string): Promise<string> {
  const args = ['mod', 'download', '-json', goModule];
  const answer = await run({ command: 'go', args, cwd: goFolder(builtIn) });
  return v.parse(Downloaded, JSON.parse(answer)).Dir;
}

/** The files of these names or, of a folder, all manifests in it. */
export async function filesIn(folder: string, ...names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      if (name.endsWith('.yaml')) return [await readFile(path, 'utf8')];
      const files = (await readdir(path)).filter((file) => file.endsWith('.yaml')).toSorted();
      return Promise.all(files.map((file) => readFile(join(path, file), 'utf8')));
    }),
  );
  return found.flat();
}

const IMAGES: readonly (readonly [RegExp, string])[] = [
  [/^ko:\/\/knative\.dev\/serving\/cmd\/([\w-]+)$/, 'knative/serving-$1:v0.48.0'],
  [/^ko:\/\/knative\.dev\/net-kourier\/cmd\/kourier$/, 'knative/kourier:v0.48.0'],
  [/^ko:\/\/knative\.dev\/eventing\/cmd\/broker\/(\w+)$/, 'knative/eventing-broker-$1:v0.47.0'],
  [/^ko:\/\/knative\.dev\/eventing\/cmd\/(?:in_memory\/)?(\w+)$/, 'knative/eventing-$1:v0.47.0'],
  [/^docker\.io\/envoyproxy\/envoy:.+$/, `envoy:${versions.envoy}`],
];

function ourImage(text: string): string | undefined {
  for (const [pattern, name] of IMAGES)
    if (pattern.test(text)) return `${registry.name}/${text.replace(pattern, name)}`;
  return undefined;
}

/** @param version what the parts say of themselves: in the modules it is "devel". */
function adapt(document: Document, version: string): void {
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value !== 'string') return;
      scalar.value = ourImage(scalar.value) ?? scalar.value;
      if (scalar.value === 'LoadBalancer') scalar.value = 'ClusterIP';
    },
    Pair(_, { key, value }) {
      if (!isScalar(key)) return;
      if (key.value === 'app.kubernetes.io/version' && isScalar(value)) value.value = version;
      // Requests only: two cores have room for what the parts use, not for what they ask for.
      if (key.value === 'requests' && isMap(value) && value.has('cpu')) value.set('cpu', '10m');
    },
  });
}

/** One text of all of them; without autoscalers, which nothing here serves with figures. */
export function render(files: readonly string[], version: string): string {
  return files
    .flatMap((file) => parseAllDocuments(file))
    .filter((document) => document.contents !== null && document.get('kind') !== 'HorizontalPodAutoscaler')
    .map((document) => {
      adapt(document, version);
      return document.toString();
    })
    .join('\n---\n');
}
