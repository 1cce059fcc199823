/** Credentials -> the JSON Patch (RFC 6902) that puts them into the pod. */
import { type DatabaseRequest, UUID_ANNOTATION } from '../annotations.ts';
import { createFindings, type Findings, listed } from '../findings.ts';
import { printable } from '../secret.ts';
import { environmentOf, type Source, type Variables } from './environment.ts';
import { givenContainers, type Pod, type PodContainer } from './pod.ts';
import type { RequestedFile } from './requested-files.ts';
import { fill, type LeaseFacts } from './template.ts';
import { volumesFor } from './volumes.ts';

/** Texts with credentials in them. */
export interface RequestTexts {
  /** By variable, as they go into the pod or its Secret. */
  readonly variables: ReadonlyMap<string, string>;
  /** By key of the Secret. */
  readonly files: ReadonlyMap<string, string>;
}

/** @throws InjectorError `annotations_invalid` if a template's syntax cannot hold what Vault issued. */
export function textsFor({ variables, files, inSecret }: DatabaseRequest, facts: LeaseFacts): RequestTexts {
  return {
    variables: new Map(variables.map(({ name, template }) => [name, fill(template, facts, !inSecret)])),
    files: new Map(files.map(({ key, template }) => [key, fill(template, facts, false)])),
  };
}

/** What a pod gets. */
export interface PodAdditions {
  readonly variables: Variables;
  readonly files: readonly RequestedFile[];
  /** The Secret with the texts, keyed by the variables' names, and with the files. */
  readonly secretName: string;
  readonly uuids: string;
}

/** @param requests with the texts of their variables. */
export function additionsFor(
  requests: readonly { readonly request: DatabaseRequest; readonly variables: ReadonlyMap<string, string> }[],
  secretName: string,
  uuids: string,
): PodAdditions {
  const sources = requests.flatMap(({ request, variables }) =>
    [...variables].map(([name, text]): [string, Source] => {
      const secretKeyRef = { name: secretName, key: name };
      return [name, request.inSecret ? { valueFrom: { secretKeyRef } } : { value: text }];
    }),
  );
  const files = requests.flatMap(({ request }) => request.files);
  return { variables: new Map(sources), files, secretName, uuids };
}

export interface PatchOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

export interface PodPatch {
  readonly operations: readonly PatchOperation[];
  readonly warnings: readonly string[];
}

/** Each variable occurs exactly once per container afterwards. @param only the containers that get anything; absent: all. */
export function patchPod(pod: Pod, additions: PodAdditions, only: readonly string[] | undefined): PodPatch {
  const warnings = createFindings();
  const { volumes, mounts } = volumesFor(pod, additions.files, additions.secretName);
  const operations = givenContainers(pod, only).flatMap(({ container, path }) => [
    ...patchEnvironment(container, path, additions.variables, warnings),
    ...appended(`${path}/volumeMounts`, container.volumeMounts, mounts),
  ]);
  return {
    operations: [
      annotate(pod, additions.uuids),
      ...appended('/spec/volumes', pod.spec.volumes, volumes),
      ...operations,
    ],
    warnings: warnings.sentences(),
  };
}

function patchEnvironment(
  container: PodContainer,
  path: string,
  variables: Variables,
  warnings: Findings,
): PatchOperation[] {
  const about = `container "${printable(container.name, 63)}"`;
  const present = new Set(container.env?.map(({ name }) => name));
  const replaced = [...variables.keys()].filter((name) => present.has(name));
  if (replaced.length > 0)
    warnings.add(() => `${about} sets ${listed(replaced)} itself: replaced by the credentials`);
  const { entries, unexpanded } = environmentOf(container, variables);
  if (unexpanded.length > 0)
    warnings.add(
      () =>
        `${about}: $(…) in ${listed(unexpanded)} stays as it is, since the variables refer to each other in a circle, or to a later one`,
    );
  return [{ op: 'add', path: `${path}/env`, value: entries }];
}

function appended(
  path: string,
  present: readonly object[] | null | undefined,
  added: readonly object[],
): PatchOperation[] {
  return added.length === 0 ? [] : [{ op: 'add', path, value: [...(present ?? []), ...added] }];
}

function annotate({ metadata }: Pod, uuids: string): PatchOperation {
  if (!metadata.annotations)
    return { op: 'add', path: '/metadata/annotations', value: { [UUID_ANNOTATION]: uuids } };
  const key = UUID_ANNOTATION.replaceAll('~', '~0').replaceAll('/', '~1');
  return { op: 'add', path: `/metadata/annotations/${key}`, value: uuids };
}
