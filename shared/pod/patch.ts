/** Credentials -> the JSON Patch (RFC 6902) that puts them into the pod. */
import { type DatabaseRequest, UUID_ANNOTATION } from '../annotations.ts';
import { createFindings, listed } from '../findings.ts';
import { printable } from '../secret.ts';
import { fillUriTemplate } from '../uri-template.ts';
import { containersOf, type Pod, type PodContainer } from './pod.ts';

/** A variable in a pod: a value, or a reference to one. */
type Source =
  | { readonly value: string }
  | { readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } } };
/** Environment variables by name, as they go into the pod. */
export type Variables = ReadonlyMap<string, Source>;

/** Values by name, as the application sees them; both are what Vault issued. */
export function valuesFor(
  { delivery }: DatabaseRequest,
  userName: string,
  password: string,
): ReadonlyMap<string, string> {
  if (delivery.mode === 'uri') {
    const uri = fillUriTemplate(delivery.template, userName, password);
    return new Map(delivery.uriVariables.map((name) => [name, uri]));
  }
  return new Map([
    ...delivery.userVariables.map((name) => [name, userName] as const),
    ...delivery.passwordVariables.map((name) => [name, password] as const),
  ]);
}

/** @param secretName the Secret with the values, keyed by variable name, for a request that wants one. */
export function variablesFor(
  request: DatabaseRequest,
  values: ReadonlyMap<string, string>,
  secretName: string,
): Variables {
  const sourceOf = (name: string, value: string): Source => {
    if (request.inSecret) return { valueFrom: { secretKeyRef: { name: secretName, key: name } } };
    return { value: request.delivery.mode === 'uri' ? value : literal(value) };
  };
  return new Map([...values].map(([name, value]) => [name, sourceOf(name, value)]));
}

/** Kubernetes expands `$(NAME)` in values; `$$` stands for a `$` that is just one. */
function literal(value: string): string {
  return value.replaceAll('$', '$$$$');
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

/** Each variable occurs exactly once per container afterwards, at its old position if it had one. */
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
      const present = new Set(container.env?.map(({ name }) => name));
      const replaced = [...variables.keys()].filter((name) => present.has(name));
      if (replaced.length > 0)
        warnings.add(
          () =>
            `container "${printable(container.name, 63)}" sets ${listed(replaced)} itself: replaced by the credentials`,
        );
      return { op: 'add', path: `${path}/env`, value: environmentOf(container, variables) };
    });
  return { operations: [annotate(pod, uuids), ...operations], warnings: warnings.sentences() };
}

function environmentOf(container: PodContainer, variables: Variables) {
  const left = new Map(variables);
  const kept = (container.env ?? []).flatMap((entry) => {
    if (!variables.has(entry.name)) return [entry];
    const value = left.get(entry.name);
    left.delete(entry.name);
    // A repeated name keeps its first position only.
    return value === undefined ? [] : [{ name: entry.name, ...value }];
  });
  return [...kept, ...[...left].map(([name, source]) => ({ name, ...source }))];
}

function annotate({ metadata }: Pod, uuids: string): PatchOperation {
  if (!metadata.annotations)
    return { op: 'add', path: '/metadata/annotations', value: { [UUID_ANNOTATION]: uuids } };
  const key = UUID_ANNOTATION.replaceAll('~', '~0').replaceAll('/', '~1');
  return { op: 'add', path: `/metadata/annotations/${key}`, value: uuids };
}
