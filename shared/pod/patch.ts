/** Credentials -> the JSON Patch (RFC 6902) that puts them into the pod. */
import { type DatabaseRequest, UUID_ANNOTATION } from '../annotations.ts';
import { createFindings, listed } from '../findings.ts';
import { printable } from '../secret.ts';
import { environmentOf, type Source, type Variables } from './environment.ts';
import { containersOf, type Pod } from './pod.ts';
import { fill, type LeaseFacts } from './template.ts';

/**
 * Texts by variable, as they go into the pod or its Secret.
 *
 * @throws InjectorError `annotations_invalid` if a template's syntax cannot hold what Vault issued.
 */
export function textsFor(
  { variables, inSecret }: DatabaseRequest,
  facts: LeaseFacts,
): ReadonlyMap<string, string> {
  return new Map(variables.map(({ name, template }) => [name, fill(template, facts, !inSecret)]));
}

/** @param secretName the Secret with the texts, keyed by variable name, for a request that wants one. */
export function variablesFor(
  { inSecret }: DatabaseRequest,
  texts: ReadonlyMap<string, string>,
  secretName: string,
): Variables {
  const sourceOf = (name: string, value: string): Source =>
    inSecret ? { valueFrom: { secretKeyRef: { name: secretName, key: name } } } : { value };
  return new Map([...texts].map(([name, text]) => [name, sourceOf(name, text)]));
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

/** Each variable occurs exactly once per container afterwards. */
export function patchPod(
  pod: Pod,
  variables: Variables,
  only: readonly string[] | undefined,
  uuids: string,
): PodPatch {
  const warnings = createFindings();
  const names = only && new Set(only);
  const operations = containersOf(pod)
    .filter(({ container }) => !names || names.has(container.name))
    .map(({ container, path }): PatchOperation => {
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
      return { op: 'add', path: `${path}/env`, value: entries };
    });
  return { operations: [annotate(pod, uuids), ...operations], warnings: warnings.sentences() };
}

function annotate({ metadata }: Pod, uuids: string): PatchOperation {
  if (!metadata.annotations)
    return { op: 'add', path: '/metadata/annotations', value: { [UUID_ANNOTATION]: uuids } };
  const key = UUID_ANNOTATION.replaceAll('~', '~0').replaceAll('/', '~1');
  return { op: 'add', path: `/metadata/annotations/${key}`, value: uuids };
}
