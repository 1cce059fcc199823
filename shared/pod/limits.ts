/** Limits of a pod's requests: what no real pod needs is refused before Vault is asked. */
import { type DatabaseRequest, type ParsedAnnotations, variablesOf } from '../annotations.ts';
import { printable } from '../secret.ts';
import { NAME_OR_NONE } from './names.ts';
import { givenContainers, type Pod, type PodContainer } from './pod.ts';
import { secretNameOf } from './secret-name.ts';
import { mostBytes } from './template.ts';
import { volumesFor } from './volumes.ts';

/** Databases of one pod. */
const MAX_VARIABLES = 1_000;
/** Variables, counted once in each container that gets them. */
const MAX_PLACES = 5_000;
const MAX_FILES = 100;
// A larger pod would not fit into etcd, whose limit for an object is 1.5 MiB.
const MAX_PATCH_BYTES = 1024 * 1024;
// Half of what Kubernetes allows: escapes make values longer.
const MAX_SECRET_BYTES = 512 * 1024;
// Kubernetes' own limits: longer values would be refused after credentials were issued.
const MAX_NAME = 253;

// Longer than any user name or password that Vault issues.
const LONGEST_VALUE = 256;
const LONGEST_SECRET_NAME = secretNameOf('x'.repeat(36));
/** Braces, quotes and names of fields around a value and around a reference, in JSON. */
const AROUND_VALUE = 32;
const AROUND_REFERENCE = 80;

/** One sentence about the first limit that the pod exceeds. */
export function tooMuch({ requests, containers: only }: ParsedAnnotations, pod: Pod): string[] {
  const given = givenContainers(pod, only).map(({ container }) => container);
  const variables = requests.reduce((sum, request) => sum + variablesOf(request).length, 0);
  if (variables > MAX_VARIABLES)
    return [`the databases set ${variables} variables: expected at most ${MAX_VARIABLES}`];
  if (variables * given.length > MAX_PLACES)
    return [
      `${variables} variables in ${given.length} containers are ${variables * given.length}: expected at most ${MAX_PLACES}; annotation "containers" says which containers get them`,
    ];
  const files = requests.flatMap((request) => request.files);
  if (files.length > MAX_FILES)
    return [`the databases ask for ${files.length} files: expected at most ${MAX_FILES}`];
  const inSecret = requests.reduce((sum, request) => sum + secretBytes(request), 0);
  if (inSecret > MAX_SECRET_BYTES)
    return [`the pod's Secret would take ${inSecret} bytes: expected at most ${MAX_SECRET_BYTES}`];
  const bytes = patchBytes(requests, given, pod);
  return bytes > MAX_PATCH_BYTES
    ? [`the patch of the pod would take ${bytes} bytes: expected at most ${MAX_PATCH_BYTES}`]
    : [];
}

// The facts of a lease other than the credentials are as long as what was asked for.
const longestFact = ({ mount, role, database }: DatabaseRequest): number =>
  Math.max(LONGEST_VALUE, mount.length + role.length + database.length + 64);

/** Upper bound. */
function secretBytes(request: DatabaseRequest): number {
  const templates = [...(request.inSecret ? request.variables : []), ...request.files];
  const longest = longestFact(request);
  return templates.reduce((sum, { template }) => sum + mostBytes(template, longest) + AROUND_REFERENCE, 0);
}

/** Upper bound. */
function patchBytes(requests: readonly DatabaseRequest[], given: readonly PodContainer[], pod: Pod): number {
  const inEach = requests.reduce((sum, request) => sum + variableBytes(request), 0);
  const files = requests.flatMap((request) => request.files);
  const { volumes, mounts } = volumesFor(pod, files, LONGEST_SECRET_NAME);
  const kept = given.map(({ env, volumeMounts }) => [env ?? [], volumeMounts ?? []]);
  const others = [kept, volumes, pod.spec.volumes ?? []];
  return (inEach + bytesOf(mounts)) * given.length + bytesOf(others);
}

function variableBytes(request: DatabaseRequest): number {
  const { variables, inSecret } = request;
  const longest = longestFact(request);
  return variables.reduce((sum, { name, template }) => {
    const source = inSecret
      ? LONGEST_SECRET_NAME.length + name.length + AROUND_REFERENCE
      : mostBytes(template, longest) + AROUND_VALUE;
    return sum + name.length + source;
  }, 0);
}

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/**
 * Names that no Kubernetes object can have. The API server checks them after its webhooks, and the ledger accepts no
 * record with one.
 */
export function unfitNames({ metadata, spec }: Pod): string[] {
  const names = {
    'metadata.name': metadata.name,
    'metadata.generateName': metadata.generateName,
    'spec.serviceAccountName': spec.serviceAccountName,
    'spec.nodeName': spec.nodeName,
  };
  return Object.entries(names).flatMap(([field, name]) => {
    if (name.length > MAX_NAME)
      return [`${field} has ${name.length} characters: expected at most ${MAX_NAME}`];
    // Only the prefix is known of a generateName, and records do not have it.
    if (field === 'metadata.generateName' || NAME_OR_NONE.test(name)) return [];
    return [`${field} is "${printable(name, 63)}": expected lower case letters, digits, "-" and "."`];
  });
}
