/** Predicts the admission of a pod with the admission's own code, without calling it. */
import * as v from 'valibot';
import {
  ANNOTATION_PREFIX,
  annotationIn,
  type DatabaseRequest,
  type PodDefaults,
  parseAnnotations,
  variablesOf,
} from '../../shared/annotations.ts';
import { environmentOf, referencesIn } from '../../shared/pod/environment.ts';
import { exampleFacts } from '../../shared/pod/lease-facts.ts';
import { additionsFor, type PodAdditions, patchPod, textsFor } from '../../shared/pod/patch.ts';
import { containersOf, Pod, type PodContainer } from '../../shared/pod/pod.ts';
import { problemsOf, warningsOf } from '../../shared/pod/remarks.ts';
import { printable } from '../../shared/secret.ts';
import type { Path, PodInFile, Remark } from './manifests.ts';

export interface PodOptions {
  readonly injectorLabel: string;
  readonly podDefaults: PodDefaults;
  /** Defaults for pods that set nothing. */
  readonly namespace: string;
}

/** What a container would get. */
export interface ContainerOutlook {
  readonly name: string;
  /** Names of variables, in their order. */
  readonly variables: readonly string[];
  /** The same, with the container's own variables that refer to them, or that they refer to. */
  readonly order: readonly { readonly name: string; readonly isOurs: boolean }[];
  /** Paths. */
  readonly files: readonly string[];
}

export interface Explained {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly line: number;
  readonly serviceAccount: string;
  /** `false`: the API server does not call the webhook for it. */
  readonly isOurs: boolean;
  readonly requests: readonly DatabaseRequest[];
  readonly containers: readonly ContainerOutlook[];
  readonly problems: readonly Remark[];
  readonly warnings: readonly Remark[];
  /** Line where a database's annotations begin. */
  lineOfDatabase(database: string): number;
}

/** A pod's metadata before validation: values keep the types that YAML gives them. */
const Metadata = v.object({
  labels: v.optional(v.nullable(v.record(v.string(), v.unknown())), {}),
  annotations: v.optional(v.nullable(v.record(v.string(), v.unknown())), {}),
});
const NO_POD: Pod = {
  metadata: { name: '', generateName: '', namespace: '' },
  spec: { serviceAccountName: '', nodeName: '', containers: [] },
};

export function explain(found: PodInFile, options: PodOptions): Explained {
  const { pod, problems } = readPod(found);
  const place = {
    kind: found.kind,
    name: printable(found.name, 253),
    namespace: printable(found.namespace, 63) || options.namespace,
    line: found.line,
    serviceAccount: pod.spec.serviceAccountName || 'default',
  };
  const { labels, annotations } = pod.metadata;
  if (labels?.[options.injectorLabel] === 'true')
    return { ...place, isOurs: true, ...inDetail(found, pod, problems, options.podDefaults) };
  const warnings = withoutLabel(found, Object.keys(annotations ?? {}), options.injectorLabel);
  const nothing = { requests: [], containers: [], lineOfDatabase: () => found.line };
  return { ...place, isOurs: false, ...nothing, problems, warnings };
}

/** The annotations' requests, and what prevents them. */
function inDetail(found: PodInFile, pod: Pod, faults: readonly Remark[], defaults: PodDefaults) {
  const annotations = pod.metadata.annotations ?? {};
  const names = Object.keys(annotations);
  const parsed = parseAnnotations(annotations, defaults);
  const { requests, containers: only } = parsed;
  const predicted = requests.map((request) => ({
    request,
    variables: textsFor(request, exampleFacts(request)).variables,
  }));
  const additions = additionsFor(predicted, 'secret', 'uuid');
  const { warnings: ofPatch } = patchPod(pod, additions, only);
  const at = (message: string): Remark => ({
    line: found.lineOf(placeOf(message, names, requests, pod)),
    message,
  });
  return {
    requests,
    containers: containersOf(pod).map(({ container }) =>
      !only || only.includes(container.name)
        ? outlookOf(container, additions)
        : { name: container.name, variables: [], order: [], files: [] },
    ),
    problems: byLine([...faults, ...problemsOf(parsed, pod).map(at)]),
    warnings: byLine([...warningsOf(parsed, pod), ...ofPatch].map(at)),
    lineOfDatabase: (database: string) => found.lineOf(pathOfDatabase(database, names)),
  };
}

function outlookOf(container: PodContainer, { variables, files }: PodAdditions): ContainerOutlook {
  const { entries } = environmentOf(container, variables);
  const needs = (entry: (typeof entries)[number]) => referencesIn(entry['value']);
  const needed = new Set(entries.filter(({ name }) => variables.has(name)).flatMap((one) => [...needs(one)]));
  const isRelated = (entry: (typeof entries)[number]) =>
    needed.has(entry.name) || [...needs(entry)].some((name) => variables.has(name));
  const order = entries.flatMap((entry) => {
    const isOurs = variables.has(entry.name);
    return isOurs || isRelated(entry) ? [{ name: entry.name, isOurs }] : [];
  });
  return {
    name: container.name,
    variables: order.filter(({ isOurs }) => isOurs).map(({ name }) => name),
    order,
    files: files.map(({ path }) => path),
  };
}

/** The same pod in a namespace that the webhook skips. */
export function leftOut(explained: Explained): Explained {
  const { line, namespace, warnings } = explained;
  const message = `the webhook skips the namespace "${namespace}": its pods get no credentials`;
  return {
    ...explained,
    isOurs: false,
    requests: [],
    containers: [],
    problems: [],
    warnings: [{ line, message }, ...warnings],
  };
}

const byLine = (remarks: readonly Remark[]) => remarks.toSorted((left, right) => left.line - right.line);

/** Non-string values are converted to strings, so that all faults can be reported at once. */
function readPod(found: PodInFile): { readonly pod: Pod; readonly problems: Remark[] } {
  const metadata = v.safeParse(Metadata, found.metadata ?? {});
  const problems: Remark[] = metadata.success
    ? []
    : [{ line: found.lineOf(['metadata']), message: 'metadata is invalid in a pod' }];
  const texts = (part: 'labels' | 'annotations') => {
    const entries = Object.entries((metadata.success && metadata.output[part]) || {});
    for (const [key, value] of entries) {
      if (typeof value === 'string') continue;
      const line = found.lineOf(['metadata', part, key]);
      problems.push({
        line,
        message: `${part.slice(0, -1)} "${printable(key, 100)}" must be a string: write "${printable(String(value), 80)}" in quotes`,
      });
    }
    return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
  };
  const own = { labels: texts('labels'), annotations: texts('annotations') };
  const parsed = v.safeParse(Pod, { metadata: { ...own }, spec: found.spec });
  if (parsed.success) return { pod: parsed.output, problems };
  for (const issue of parsed.issues) {
    const path: Path = issue.path?.map(({ key }) => (typeof key === 'number' ? key : String(key))) ?? [];
    problems.push({
      line: found.lineOf(path),
      message: `${path.join('.')} is invalid in a pod: ${issue.message}`,
    });
  }
  return { pod: { ...NO_POD, metadata: { ...NO_POD.metadata, ...own } }, problems };
}

function withoutLabel(found: PodInFile, annotations: readonly string[], label: string): Remark[] {
  const own = annotations.find((name) => name.startsWith(ANNOTATION_PREFIX));
  if (own === undefined) return [];
  return [
    {
      line: found.lineOf(['metadata', 'annotations', own]),
      message: `the annotations have no effect without the label ${label}: "true"`,
    },
  ];
}

/** The part of the pod that a sentence is about. */
function placeOf(
  message: string,
  annotations: readonly string[],
  requests: readonly DatabaseRequest[],
  pod: Pod,
): Path {
  const named = annotationIn(message);
  if (named !== undefined) return pathOfAnnotation(named, annotations);
  const [, variable] = /^variable (\S+) is set/.exec(message) ?? [];
  // The later of the two is the duplicate.
  const request = requests.findLast((one) => variable !== undefined && variablesOf(one).includes(variable));
  if (request) return pathOfDatabase(request.database, annotations);
  const [, container] = /^container "([^"]+)"/.exec(message) ?? [];
  const { path } = containersOf(pod).find((one) => one.container.name === container) ?? {};
  return path === undefined ? ['metadata', 'annotations'] : stepsOf(path);
}

/** Segments of a JSON Pointer, without the empty one before its first slash. */
const stepsOf = (pointer: string): Path =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));

/** A missing annotation is placed at its database's other ones. */
function pathOfAnnotation(name: string, annotations: readonly string[]): Path {
  const whole = `${ANNOTATION_PREFIX}${name}`;
  if (annotations.includes(whole)) return ['metadata', 'annotations', whole];
  const dot = name.lastIndexOf('.');
  return pathOfDatabase(dot < 0 ? '' : name.slice(0, dot), annotations);
}

function pathOfDatabase(database: string, annotations: readonly string[]): Path {
  const beginning = database === '' ? `${ANNOTATION_PREFIX}role` : `${ANNOTATION_PREFIX}${database}.`;
  const role = `${beginning}role`;
  const first = annotations.includes(role) ? role : annotations.find((name) => name.startsWith(beginning));
  return first === undefined ? ['metadata', 'annotations'] : ['metadata', 'annotations', first];
}
