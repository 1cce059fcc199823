/** What is to be said of a pod and its annotations, beside what is wrong with the annotations alone. */
import { type ParsedAnnotations, UUID_ANNOTATION } from '../annotations.ts';
import { printable } from '../secret.ts';
import { createTold, listed } from '../told.ts';
import { tooMuch, unfitNames } from './limits.ts';
import { containersOf, type Pod } from './pod.ts';

/** What stands in the way of the pod's credentials, one sentence each, and how much more there is. */
export function problemsOf(parsed: ParsedAnnotations, pod: Pod): string[] {
  const present = new Set(containersOf(pod).map(({ container }) => container.name));
  const unknown = (parsed.containers ?? []).filter((name) => !present.has(name));
  const told = createTold();
  for (const name of unknown) {
    told.add(
      () => `annotation "containers" names "${printable(name, 63)}": expected one of ${listed(present)}`,
    );
  }
  return [...parsed.problems, ...unfitNames(pod), ...told.sentences(), ...tooMuch(parsed, pod)];
}

/** Nothing is issued for it: nobody would use that, and the API server would refuse what refers to a Secret. */
export const OF_A_MIRROR =
  'this is a static pod: it is given no database credentials, since its kubelet runs it from a file of its own';

export function overwritten({ metadata }: Pod): string[] {
  if (metadata.annotations?.[UUID_ANNOTATION] === undefined) return [];
  return [`annotation "${UUID_ANNOTATION}" is the injector's own: the value given is replaced`];
}
