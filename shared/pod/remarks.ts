/** What is to be said of a pod and its annotations, beside what is wrong with the annotations alone. */
import { type ParsedAnnotations, UUID_ANNOTATION } from '../annotations.ts';
import { containersOf, type Pod } from './pod.ts';

/** All that stands in the way of the pod's credentials, one sentence each. */
export function problemsOf(parsed: ParsedAnnotations, pod: Pod): string[] {
  const present = containersOf(pod).map(({ container }) => container.name);
  const unknown = (parsed.containers ?? []).filter((name) => !present.includes(name));
  return [
    ...parsed.problems,
    ...unknown.map(
      (name) => `annotation "containers" names "${name}": expected one of ${present.join(', ')}`,
    ),
  ];
}

/** Nothing is issued for it: nobody would use that, and the API server would refuse what refers to a Secret. */
export const OF_A_MIRROR =
  'this is a static pod: it is given no database credentials, since its kubelet runs it from a file of its own';

export function overwritten({ metadata }: Pod): string[] {
  if (metadata.annotations?.[UUID_ANNOTATION] === undefined) return [];
  return [`annotation "${UUID_ANNOTATION}" is the injector's own: the value given is replaced`];
}
