/**
 * A pod's annotations -> database requests. The contract is the reference injector's (its document, "Usage"):
 * `db-creds-injector.numberly.io/<database>.<key>`, split at the last dot, and a few keys of the whole pod.
 * Every problem is found before Vault is asked for anything.
 */

import { createFindings, type Findings, listed } from './findings.ts';
import { printable } from './secret.ts';
import { parseUriTemplate, type UriTemplate } from './uri-template.ts';

export const ANNOTATION_PREFIX = 'db-creds-injector.numberly.io/';
export const UUID_ANNOTATION = `${ANNOTATION_PREFIX}uuid`;

/** How a database's credentials become environment variables. */
type Delivery =
  | {
      readonly mode: 'classic';
      readonly userVariables: readonly string[];
      readonly passwordVariables: readonly string[];
    }
  | { readonly mode: 'uri'; readonly uriVariables: readonly string[]; readonly template: UriTemplate };

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
  readonly delivery: Delivery;
  /** Whether the credentials go into a Secret that the pod refers to, instead of into the pod itself. */
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
const CLASSIC_KEYS = ['env-key-dbuser', 'env-key-dbpassword'];
const URI_KEYS = ['env-key-uri', 'template'];
const DATABASE_KEYS = ['cluster', 'role', 'auth-role', 'delivery', 'mode', ...CLASSIC_KEYS, ...URI_KEYS];
const MAX_DATABASES = 32;
const MAX_VALUE_LENGTH = 4_096;
// Kubernetes' own limit for the name after an annotation's "/".
const MAX_DATABASE_LENGTH = 63;
// Room for all keys of all databases, and as many unknown ones.
const MAX_ANNOTATIONS = 1_000;
// Names in one comma list.
const MAX_NAMES = 256;
// The names that Vault itself allows in its paths.
const ROLE = /^\w(?:[\w.@-]{0,126}\w)?$/;
const MOUNT = /^(?!(?:sys|auth|identity|cubbyhole)(?:\/|$))[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;
const VARIABLE = /^[A-Za-z_.-][\w.-]*$/;

type Settings = ReadonlyMap<string, string>;

/** The operator's defaults for pods that set nothing. */
export interface PodDefaults {
  readonly engine: string;
  readonly delivery: 'env' | 'secret';
  readonly podsMayChooseDelivery: boolean;
}

/** The annotations being read, and where their faults are collected. */
interface Reading {
  readonly pod: Settings;
  readonly defaults: PodDefaults;
  readonly problems: Findings;
  readonly warnings: Findings;
}

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
  const containers = readContainers(reading);
  return { requests, containers, problems: problems.sentences(), warnings: warnings.sentences() };
}

function group(annotations: Readonly<Record<string, string>>, problems: Findings, warnings: Findings) {
  const pod = new Map<string, string>();
  const databases = new Map<string, Map<string, string>>();
  const ours = Object.keys(annotations).filter((annotation) => annotation.startsWith(ANNOTATION_PREFIX));
  if (ours.length > MAX_ANNOTATIONS)
    problems.add(
      () =>
        `${ours.length} annotations begin with "${ANNOTATION_PREFIX}": expected at most ${MAX_ANNOTATIONS}`,
    );
  for (const annotation of ours.slice(0, MAX_ANNOTATIONS)) {
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

function tooLong(name: string, database: string, value: string): string | undefined {
  if (value.length > MAX_VALUE_LENGTH) return fault(name, value, `at most ${MAX_VALUE_LENGTH} characters`);
  if (database.length <= MAX_DATABASE_LENGTH) return undefined;
  return `database "${printable(name, 80)}" has a name of ${database.length} characters: expected at most ${MAX_DATABASE_LENGTH}`;
}

/** `undefined` for an unknown name; `database` is empty for a key that applies to the whole pod. */
function split(name: string): { readonly database: string; readonly key: string } | undefined {
  const dot = name.lastIndexOf('.');
  const key = name.slice(dot + 1);
  if (dot < 0) return POD_KEYS.includes(key) ? { database: '', key } : undefined;
  return dot > 0 && DATABASE_KEYS.includes(key) ? { database: name.slice(0, dot), key } : undefined;
}

function unknownAnnotation(name: string): string {
  const known = name.includes('.') ? DATABASE_KEYS.map((key) => `<database>.${key}`) : POD_KEYS;
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
  const mount = settings.get('cluster') || reading.pod.get('cluster') || reading.defaults.engine;
  valid('cluster', mount, MOUNT, 'a database engine\'s mount, such as "databases" (no "..", no leading "/")');
  const delivery = readDelivery(settings, named, reading);
  const inSecret = readPlace(settings, named, reading) === 'secret';
  if (inSecret && delivery?.mode === 'uri' && delivery.template.afterUserInfo.includes('$('))
    reading.problems.add(() =>
      fault(named('template'), '$(…)', 'no reference, since Kubernetes expands none in a Secret'),
    );
  if (!delivery || reading.problems.count > before) return undefined;
  const request = { database, mount, role, authRole, delivery, inSecret };
  findUnfitKeys(request, reading.problems);
  return request;
}

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

function readDelivery(
  settings: Settings,
  named: (key: string) => string,
  reading: Reading,
): Delivery | undefined {
  const found = settings.get('mode') || 'classic';
  // The reference accepts exactly these spellings of this mode, and only of this one.
  const mode = ['URI', 'Uri'].includes(found) ? 'uri' : found;
  if (mode !== 'classic' && mode !== 'uri') {
    reading.problems.add(() => fault(named('mode'), found, '"classic" or "uri"'));
    return undefined;
  }
  for (const key of mode === 'classic' ? URI_KEYS : CLASSIC_KEYS) {
    if (settings.has(key))
      reading.warnings.add(() => `annotation "${named(key)}" has no effect in mode "${mode}"`);
  }
  const variables = (key: string, fallback: string) =>
    readNames(named(key), settings.get(key) || fallback, VARIABLE, "an environment variable's name", reading);
  if (mode === 'classic') {
    return {
      mode,
      userVariables: variables('env-key-dbuser', 'DBUSER'),
      passwordVariables: variables('env-key-dbpassword', 'DBPASSWORD'),
    };
  }
  const template = readTemplate(settings, named, reading);
  const uriVariables = variables('env-key-uri', '');
  return template && { mode, uriVariables, template };
}

function readTemplate(settings: Settings, named: (key: string) => string, reading: Reading) {
  const text = settings.get('template') ?? '';
  const template = parseUriTemplate(text);
  if (!template)
    // The text before an "@" may be a password.
    reading.problems.add(() =>
      fault(named('template'), text.replace(/^.*@/s, '…@'), 'a URI such as "postgres://@host:5432/name"'),
    );
  if (template?.hadUserInfo) {
    reading.warnings.add(
      () => `the user info in annotation "${named('template')}" is replaced by the credentials`,
    );
  }
  return template;
}

function readContainers(reading: Reading): string[] | undefined {
  const list = reading.pod.get('containers');
  if (list === undefined) return undefined;
  return readNames('containers', list, /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/, 'names of containers', reading);
}

/** A comma list without repetitions; at least one name, each matching the pattern. */
function readNames(
  name: string,
  list: string,
  pattern: RegExp,
  expected: string,
  { problems }: Reading,
): string[] {
  const names = [...new Set(list.split(',').map((item) => item.trim()))].filter((item) => item !== '');
  if (names.length === 0)
    problems.add(() => fault(name, list, `${expected} (or several, separated by commas)`));
  if (names.length > MAX_NAMES) {
    problems.add(() => fault(name, list, `at most ${MAX_NAMES} names, and there are ${names.length}`));
    return [];
  }
  for (const item of names) if (!pattern.test(item)) problems.add(() => fault(name, item, expected));
  return names;
}

/** The variables that a request sets. */
export function variablesOf({ delivery }: DatabaseRequest): readonly string[] {
  if (delivery.mode === 'uri') return delivery.uriVariables;
  return [...delivery.userVariables, ...delivery.passwordVariables];
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
          `variable ${printable(variable, 80)} is set more than once, by ${listed(databases).replaceAll(', ', ' and ')}: expected different "env-key-…" annotations`,
      );
  }
}

function fault(name: string, found: string, expected: string): string {
  const what = found === '' ? 'is missing' : `is "${printable(found, 80)}"`;
  return `annotation "${ANNOTATION_PREFIX}${printable(name, 100)}" ${what}: expected ${expected}`;
}

/** The annotation (without our prefix) that a fault is about; `undefined` if it is not about a single one. */
export function annotationIn(remark: string): string | undefined {
  const [, name] = /annotation "([^"]+)"/.exec(remark) ?? [];
  if (name === undefined || name.includes('<')) return undefined;
  return name.startsWith(ANNOTATION_PREFIX) ? name.slice(ANNOTATION_PREFIX.length) : name;
}
