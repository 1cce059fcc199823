/** The pods in a manifest file, each with the line numbers of its parts. */
import * as v from 'valibot';
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  visit,
} from 'yaml';
import { printable } from '../../shared/secret.ts';

/** A fault or a note, and its line. */
export interface Remark {
  readonly line: number;
  readonly message: string;
}

export type Path = readonly (string | number)[];

/** A pod's raw parts, unchecked. */
export interface PodInFile {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly line: number;
  readonly metadata: unknown;
  readonly spec: unknown;
  /** The line of the value, or of the nearest one around it. */
  lineOf(path: Path): number;
}

export interface Manifests {
  readonly pods: readonly PodInFile[];
  /** Objects that neither are nor contain a pod. */
  readonly others: readonly Remark[];
  /** Invalid YAML. */
  readonly faults: readonly Remark[];
}

/** Path of the pod in an object of that kind; `[]`: the object is the pod. */
const TEMPLATES: Readonly<Record<string, Path>> = {
  Pod: [],
  PodTemplate: ['template'],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  ReplicationController: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

export function readManifests(text: string): Manifests {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  // An empty text contains no document.
  const all = Array.isArray(documents) ? documents : [];
  const found = all.map((document) => readDocument(document, lineAt));
  return {
    pods: found.flatMap(({ pods }) => pods),
    others: found.flatMap(({ others }) => others),
    faults: found.flatMap(({ faults }) => faults),
  };
}

type LineAt = (offset: number) => number;

function readDocument(document: Document.Parsed<ParsedNode>, lineAt: LineAt): Manifests {
  const errors = document.errors.map(({ pos, message }) => ({ line: lineAt(pos[0]), message }));
  const faults = errors.length > 0 ? errors : unknownAliases(document, lineAt);
  if (faults.length > 0) return { pods: [], others: [], faults };
  try {
    const found = objectsIn(document).map((path) => readObject(document, path, lineAt));
    return {
      pods: found.flatMap((one) => (isRemark(one) ? [] : [one])),
      others: found.filter(isRemark),
      faults: [],
    };
  } catch (error) {
    // Nested aliases could expand without limit.
    if (!(error instanceof ReferenceError)) throw error;
    const message = printable(error.message);
    return { pods: [], others: [], faults: [{ line: lineAt(offsetOf(document, [])), message }] };
  }
}

const isRemark = (one: PodInFile | Remark): one is Remark => 'message' in one;

/** Aliases without an earlier anchor. */
function unknownAliases(document: Document, lineAt: LineAt): Remark[] {
  const found: Remark[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document)) return;
      const message = `*${printable(alias.source, 100)}: there is no anchor &${printable(alias.source, 100)} before it`;
      found.push({ line: lineAt(alias.range?.[0] ?? 0), message });
    },
  });
  return found;
}

/** Members of a List, or the document itself. */
function objectsIn(document: Document): Path[] {
  const items = document.getIn(['items'], true);
  if (document.contents === null) return [];
  if (document.getIn(['kind']) !== 'List' || !isSeq(items)) return [[]];
  return items.items.map((_, index) => ['items', index]);
}

function readObject(
  document: Document.Parsed<ParsedNode> | Document,
  path: Path,
  lineAt: LineAt,
): PodInFile | Remark {
  const kind = String(document.getIn([...path, 'kind']) ?? '');
  const name = String(document.getIn([...path, 'metadata', 'name']) ?? '');
  const lineOf = (wanted: Path) => lineAt(offsetOf(document, wanted));
  const line = lineOf(path);
  const template = templateOf(kind, document.getIn([...path, 'apiVersion']));
  if (template === undefined) {
    const what = kind === '' ? 'an object without a kind' : printable(`${kind} ${name}`, 200);
    return { line, message: `${what} has no pod in it` };
  }
  const pod = [...path, ...template];
  return {
    kind,
    name: name || String(document.getIn([...path, 'metadata', 'generateName']) ?? ''),
    namespace: String(document.getIn([...path, 'metadata', 'namespace']) ?? ''),
    line,
    metadata: plain(document, [...pod, 'metadata']),
    spec:
      kind === 'Service' ? withNames(plain(document, [...pod, 'spec'])) : plain(document, [...pod, 'spec']),
    lineOf: (wanted) => lineOf([...pod, ...wanted]),
  };
}

function templateOf(kind: string, apiVersion: unknown): Path | undefined {
  // Only Knative's Services start pods.
  if (kind === 'Service')
    return String(apiVersion).startsWith('serving.knative.dev/') ? ['spec', 'template'] : undefined;
  return Object.hasOwn(TEMPLATES, kind) ? TEMPLATES[kind] : undefined;
}

const Unnamed = v.looseObject({ containers: v.array(v.looseObject({ name: v.optional(v.string(), '') })) });

/** The names that Knative gives to containers of a Service without one. */
function withNames(spec: unknown): unknown {
  const parsed = v.safeParse(Unnamed, spec);
  if (!parsed.success) return spec;
  const { containers } = parsed.output;
  const nameAt = (index: number) => (containers.length === 1 ? 'user-container' : `user-container-${index}`);
  const named = containers.map((one, index) => ({ ...one, name: one.name || nameAt(index) }));
  return { ...parsed.output, containers: named };
}

function plain(document: Document, path: Path): unknown {
  const found = document.getIn(path, true);
  return isNode(found) ? found.toJS(document) : found;
}

/** Line of the key, if there is one: that is what a person looks for. */
function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of path) {
    const [next, at] = childOf(node, step);
    if (at === undefined) return offset;
    offset = at;
    node = next;
  }
  return offset;
}

function childOf(node: unknown, step: string | number): [unknown, number | undefined] {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => (isScalar(key) ? key.value : key) === step);
    return [pair?.value, isNode(pair?.key) ? pair.key.range?.[0] : undefined];
  }
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step];
    return [item, isNode(item) ? item.range?.[0] : undefined];
  }
  return [undefined, undefined];
}
