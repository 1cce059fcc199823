/** Faults and warnings of a pod and its annotations together, beyond those of the annotations alone. */
import { type ParsedAnnotations, UUID_ANNOTATION } from '../annotations.ts';
import { createFindings, listed } from '../findings.ts';
import { printable } from '../secret.ts';
import { tooMuch, unfitNames } from './limits.ts';
import { containersOf, givenContainers, type Pod } from './pod.ts';
import { volumeProblems, volumeWarnings } from './volumes.ts';

/** Faults that prevent credentials for the pod, one sentence each, and how many more there are. */
export function problemsOf(parsed: ParsedAnnotations, pod: Pod): string[] {
  const present = new Set(containersOf(pod).map(({ container }) => container.name));
  const unknown = (parsed.containers ?? []).filter((name) => !present.has(name));
  const findings = createFindings();
  for (const name of unknown) {
    findings.add(
      () => `annotation "containers" names "${printable(name, 63)}": expected one of ${listed(present)}`,
    );
  }
  const excess = tooMuch(parsed, pod);
  const files = parsed.requests.flatMap((request) => request.files);
  const sentences = excess.length > 0 ? [] : volumeProblems(pod, files, containersGiven(parsed, pod));
  for (const sentence of sentences) findings.add(() => sentence);
  return [...parsed.problems, ...unfitNames(pod), ...findings.sentences(), ...excess];
}

/** A mirror pod gets nothing: it could not use it, and the API server refuses a mirror pod that refers to a Secret. */
export const OF_A_MIRROR =
  'this is a static pod: it gets no database credentials, since its kubelet runs it from a local file';

const containersGiven = ({ containers }: ParsedAnnotations, pod: Pod) =>
  givenContainers(pod, containers).map(({ container }) => container);

/** Warnings of the annotations and the pod together. */
export function warningsOf(parsed: ParsedAnnotations, pod: Pod): string[] {
  const files = parsed.requests.flatMap((request) => request.files);
  return [
    ...parsed.warnings,
    ...overwritten(pod),
    ...volumeWarnings(pod, files, containersGiven(parsed, pod)),
  ];
}

function overwritten({ metadata }: Pod): string[] {
  if (metadata.annotations?.[UUID_ANNOTATION] === undefined) return [];
  return [`annotation "${UUID_ANNOTATION}" is the injector's own: the value given is replaced`];
}
