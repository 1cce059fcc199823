/**
 * A pod's annotations -> database requests. The contract is the reference injector's (its document, "Usage"):
 * `db-creds-injector.numberly.io/<database>.<key>`, split at the last dot, and a few keys of the whole pod.
 * Every problem is found before Vault is asked for anything.
 */

import { createFindings, type Findings, listed } from './findings.ts';
import {
  ANNOTATION_PREFIX,
  fault,
  type PodDefaults,
  type Reading,
  readNames,
  type Settings,
} from './pod/annotation-reading.ts';
import { clashesOf, FILE_KEY, FILE_KEYS, type RequestedFile, readFiles } from './pod/requested-files.ts';
import {
  CLASSIC_KEYS,
  type Mode,
  readVariables,
  TEMPLATE_KEY,
  URI_KEYS,
  type Variable,
} from './pod/requested-variables.ts';
import { printable } from './secret.ts';

export { ANNOTATION_PREFIX, type PodDefaults };
export const UUID_ANNOTATION = `${ANNOTATION_PREFIX}uuid`;

/** What a pod asks for one database. */
export interface DatabaseRequest {
  /** The database's name in the annotations; empty for the single, unnamed one. */
  readonly database: string;
  /** Mount of the database engine, without leading or trailing slash. */
  readonly mount: string;
  /** The database engine's role that issues the credentials. */
  readonly role: string;
  /** The Kubernetes auth method's role that must allow the pod. */
  readonly authRole: string;
  readonly mode: Mode;
  /** The environment variables that the pod gets. */
  readonly variables: readonly Variable[];
  readonly files: readonly RequestedFile[];
  /** Whether the variables refer to a Secret, instead of being in the pod itself. Files always come from it. */
  readonly inSecret: boolean;
}

export interface ParsedAnnotations {
  /** Sorted by database name. */
  readonly requests: readonly DatabaseRequest[];
  /** The containers that get the variables; absent means all. */
  readonly containers: readonly string[] | undefined;
  /** One sentence each: which annotation, what was found, what is expected. Long lists are cut and end with a count. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const POD_KEYS = ['cluster', 'role', 'delivery', 'containers', 'uuid'];
const DATABASE_KEYS = ['cluster', 'role', 'auth-role', 'delivery', 'mode', ...CLASSIC_KEYS, ...URI_KEYS];
const MAX_DATABASES = 32;
const MAX_VALUE_LENGTH = 4_096;
// Kubernetes' own limit for the name after an annotation's "/".
const MAX_DATABASE_LENGTH = 63;
// Room for all keys of all databases, and as many unknown ones.
const MAX_ANNOTATIONS = 1_000;
// Kubernetes' own limit for all annotations of an object, which it checks after its webhooks.
const MAX_BYTES = 256 * 1024;
// The names that Vault itself allows in its paths.
const ROLE = /^\w(?:[\w.@-]{0,126}\w)?$/;
const MOUNT = /^(?!(?:sys|auth|identity|cubbyhole)(?:\/|$))[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;

/** Reads all annotations with our prefix; never throws. */
export function parseAnnotations(
  annotations: Readonly<Record<string, string>>,
  defaults: PodDefaults,
): ParsedAnnotations {
  const problems = createFindings();
  const warnings = createFindings();
  const { pod, databases } = group(annotations, problems, warnings);
  // A `role` alone asks for the single, unnamed database; beside named ones it is their default role.
  if (databases.size === 0 && pod.has('role')) databases.set('', new Map());
  if (databases.size === 0 && problems.count === 0) {
    problems.add(
      () => `no database is asked for: expected an annotation "${ANNOTATION_PREFIX}<database>.role"`,
    );
  }
  const { size } = databases;
  if (size > MAX_DATABASES) {
    problems.add(() => `${size} databases are asked for: expected at most ${MAX_DATABASES}`);
    databases.clear();
  }
  const reading = { pod, defaults, problems, warnings };
  const requests = [...databases]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([database, settings]) => readDatabase(database, settings, reading) ?? []);
  findClashes(requests, problems);
  for (const clash of clashesOf(requests.flatMap(({ files }) => files))) problems.add(() => clash);
  const containers = readContainers(reading);
  return { requests, containers, problems: problems.sentences(), warnings: warnings.sentences() };
}

function group(annotations: Readonly<Record<string, string>>, problems: Findings, warnings: Findings) {
  const pod = new Map<string, string>();
  const databases = new Map<string, Map<string, string>>();
  const ours = Object.keys(annotations).filter((annotation) => annotation.startsWith(ANNOTATION_PREFIX));
  for (const annotation of notTooMany(ours, annotations, problems)) {
    const name = annotation.slice(ANNOTATION_PREFIX.length);
    const value = annotations[annotation] ?? '';
    const found = split(name);
    if (!found) {
      warnings.add(() => unknownAnnotation(name));
      continue;
    }
    const long = tooLong(name, found.database, value);
    if (long) {
      problems.add(() => long);
      continue;
    }
    const settings = found.database === '' ? pod : (databases.get(found.database) ?? new Map());
    if (found.database !== '') databases.set(found.database, settings);
    settings.set(found.key, value.trim());
  }
  return { pod, databases };
}

/** What is read of them: nothing if they take more than Kubernetes allows, since reading takes time and memory. */
function notTooMany(
  ours: readonly string[],
  annotations: Readonly<Record<string, string>>,
  problems: Findings,
): readonly string[] {
  const { length } = ours;
  if (length > MAX_ANNOTATIONS)
    problems.add(
      () => `${length} annotations begin with "${ANNOTATION_PREFIX}": expected at most ${MAX_ANNOTATIONS}`,
    );
  const bytes = ours.reduce((sum, one) => sum + Buffer.byteLength(one + (annotations[one] ?? '')), 0);
  if (bytes <= MAX_BYTES) return ours.slice(0, MAX_ANNOTATIONS);
  problems.add(
    () => `the annotations take ${bytes} bytes: expected at most ${MAX_BYTES}, as Kubernetes allows`,
  );
  return [];
}

function tooLong(name: string, database: string, value: string): string | undefined {
  if (value.length > MAX_VALUE_LENGTH)
    return fault(name, '…', `at most ${MAX_VALUE_LENGTH} characters, and there are ${value.length}`);
  if (database.length <= MAX_DATABASE_LENGTH) return undefined;
  return `database "${printable(name, 80)}" has a name of ${database.length} characters: expected at most ${MAX_DATABASE_LENGTH}`;
}

/** `undefined` for an unknown name; `database` is empty for a key that applies to the whole pod. */
function split(name: string): { readonly database: string; readonly key: string } | undefined {
  const dot = name.lastIndexOf('.');
  const key = name.slice(dot + 1);
  if (dot < 0) return POD_KEYS.includes(key) ? { database: '', key } : undefined;
  const isKnown = DATABASE_KEYS.includes(key) || TEMPLATE_KEY.test(key) || FILE_KEY.test(key);
  return dot > 0 && isKnown ? { database: name.slice(0, dot), key } : undefined;
}

function unknownAnnotation(name: string): string {
  const known = name.includes('.')
    ? [...DATABASE_KEYS, 'template-<VARIABLE>', ...FILE_KEYS].map((key) => `<database>.${key}`)
    : POD_KEYS;
  return `annotation "${ANNOTATION_PREFIX}${printable(name, 80)}" is not known and ignored; known: ${known.join(', ')}`;
}

function readDatabase(database: string, settings: Settings, reading: Reading): DatabaseRequest | undefined {
  const before = reading.problems.count;
  const named = (key: string) => (database === '' ? key : `${database}.${key}`);
  const valid = (key: string, value: string, pattern: RegExp, expected: string) => {
    if (!pattern.test(value)) reading.problems.add(() => fault(named(key), value, expected));
    return value;
  };
  const role = settings.get('role') || reading.pod.get('role') || '';
  valid('role', role, ROLE, 'a role of the database engine (letters, digits, "_", "-", "." and "@")');
  const authRole = settings.get('auth-role') || role;
  if (authRole !== role) valid('auth-role', authRole, ROLE, 'a role of the Kubernetes auth method');
  const cluster = settings.get('cluster') || reading.pod.get('cluster') || reading.defaults.engine;
  const mount = withoutSlash(cluster);
  if (!MOUNT.test(mount))
    reading.problems.add(() =>
      fault(
        named('cluster'),
        cluster,
        'a database engine\'s mount, such as "databases" (no "..", no leading "/")',
      ),
    );
  const inSecret = readPlace(settings, named, reading) === 'secret';
  const chosen = { ...reading, settings, named, inSecret };
  const { mode, variables } = readVariables(chosen);
  const files = readFiles(chosen, database);
  if (reading.problems.count > before) return undefined;
  const request = { database, mount, role, authRole, mode, variables, files, inSecret };
  findUnfitKeys(request, reading.problems);
  return request;
}

/** Vault prints mounts with a slash at their end. */
const withoutSlash = (mount: string) => (mount.endsWith('/') ? mount.slice(0, -1) : mount);

/** A Secret's keys are the variables' names, and Kubernetes does not allow every name as a key. */
function findUnfitKeys(request: DatabaseRequest, problems: Findings): void {
  if (!request.inSecret) return;
  for (const name of variablesOf(request)) {
    if (name.length > 253 || name === '.' || name.startsWith('..'))
      problems.add(
        () =>
          `variable ${printable(name, 80)} cannot be a key of the Secret that the credentials come in: expected at most 253 characters, and none that begin with ".."`,
      );
  }
}

/** Where the credentials go: the pod's choice, if it is allowed. */
function readPlace(
  settings: Settings,
  named: (key: string) => string,
  { pod, defaults, problems }: Reading,
): string {
  const key = settings.has('delivery') ? named('delivery') : 'delivery';
  const chosen = settings.get('delivery') ?? pod.get('delivery');
  if (chosen === undefined || chosen === defaults.delivery) return defaults.delivery;
  if (chosen !== 'env' && chosen !== 'secret') problems.add(() => fault(key, chosen, '"env" or "secret"'));
  else if (!defaults.podsMayChooseDelivery)
    problems.add(() =>
      fault(key, chosen, `"${defaults.delivery}", since pods may not choose here (podsMayChooseDelivery)`),
    );
  return chosen;
}

function readContainers(reading: Reading): string[] | undefined {
  const list = reading.pod.get('containers');
  if (list === undefined) return undefined;
  return readNames('containers', list, /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/, 'names of containers', reading);
}

/** Whether a part of what it asks for comes from the pod's Secret. */
export const needsSecret = ({ inSecret, files }: DatabaseRequest): boolean => inSecret || files.length > 0;

/** The names of the variables that a request sets. */
export function variablesOf({ variables }: DatabaseRequest): readonly string[] {
  return variables.map(({ name }) => name);
}

function findClashes(requests: readonly DatabaseRequest[], problems: Findings): void {
  const setBy = new Map<string, string[]>();
  for (const request of requests) {
    for (const variable of variablesOf(request)) {
      const databases = setBy.get(variable) ?? [];
      databases.push(request.database || 'the unnamed one');
      setBy.set(variable, databases);
    }
  }
  for (const [variable, databases] of setBy) {
    if (databases.length > 1)
      problems.add(
        () =>
          `variable ${printable(variable, 80)} is set more than once, by ${listed(databases).replaceAll(', ', ' and ')}: expected different names in "env-key-…" and "template-…"`,
      );
  }
}

/** The annotation (without our prefix) that a fault is about; `undefined` if it is not about a single one. */
export function annotationIn(remark: string): string | undefined {
  const [, name] = /annotation "([^"]+)"/.exec(remark) ?? [];
  if (name === undefined || name.includes('<')) return undefined;
  return name.startsWith(ANNOTATION_PREFIX) ? name.slice(ANNOTATION_PREFIX.length) : name;
}
