/** Limits of a pod's requests: what no real pod needs is refused before Vault is asked. */
import { type DatabaseRequest, type ParsedAnnotations, variablesOf } from '../annotations.ts';
import { printable } from '../secret.ts';
import { NAME_OR_NONE } from './names.ts';
import { additionsFor } from './patch.ts';
import { containersOf, type Pod, type PodContainer } from './pod.ts';
import { secretNameOf } from './secret-name.ts';
import { longestText } from './template.ts';
import { volumesFor } from './volumes.ts';

/** Databases of one pod. */
const MAX_VARIABLES = 1_000;
/** Variables, counted once in each container that gets them. */
const MAX_PLACES = 5_000;
// With contents of 4 KiB each, they fit into a Secret of 1 MiB.
const MAX_FILES = 100;
// A larger pod would not fit into etcd, whose limit for an object is 1.5 MiB.
const MAX_PATCH_BYTES = 1024 * 1024;
// Kubernetes' own limits: longer values would be refused after credentials were issued.
const MAX_NAME = 253;

// Longer than any user name or password that Vault issues, with its escapes.
const LONGEST_VALUE = 256;
const LONGEST_SECRET_NAME = secretNameOf('x'.repeat(36));

/** One sentence about the first limit that the pod exceeds. */
export function tooMuch({ requests, containers: only }: ParsedAnnotations, pod: Pod): string[] {
  const names = only && new Set(only);
  const given = containersOf(pod)
    .map(({ container }) => container)
    .filter(({ name }) => !names || names.has(name));
  const variables = requests.reduce((sum, request) => sum + variablesOf(request).length, 0);
  if (variables > MAX_VARIABLES)
    return [`the databases set ${variables} variables: expected at most ${MAX_VARIABLES}`];
  if (variables * given.length > MAX_PLACES)
    return [
      `${variables} variables in ${given.length} containers are ${variables * given.length}: expected at most ${MAX_PLACES}; annotation "containers" says which containers get them`,
    ];
  const files = requests.reduce((sum, request) => sum + request.files.length, 0);
  if (files > MAX_FILES) return [`the databases ask for ${files} files: expected at most ${MAX_FILES}`];
  const bytes = patchBytes(requests, given, pod);
  return bytes > MAX_PATCH_BYTES
    ? [`the patch of the pod would take ${bytes} bytes: expected at most ${MAX_PATCH_BYTES}`]
    : [];
}

/** Upper bound. */
function patchBytes(requests: readonly DatabaseRequest[], given: readonly PodContainer[], pod: Pod): number {
  const longest = requests.map((request) => ({ request, variables: longestTexts(request) }));
  const { variables, files, secretName } = additionsFor(longest, LONGEST_SECRET_NAME, '');
  const { volumes, mounts } = volumesFor(pod, files, secretName);
  const kept = given.map(({ env, volumeMounts }) => [env ?? [], volumeMounts ?? []]);
  const inEach = bytesOf([...variables]) + bytesOf(mounts);
  return inEach * given.length + bytesOf(kept) + bytesOf(volumes) + bytesOf(pod.spec.volumes ?? []);
}

function longestTexts({ variables }: DatabaseRequest): ReadonlyMap<string, string> {
  return new Map(
    variables.map(({ name, template }) => [name, 'x'.repeat(longestText(template, LONGEST_VALUE))]),
  );
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
