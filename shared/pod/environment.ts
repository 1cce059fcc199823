/**
 * The order of a container's variables. Kubernetes expands `$(NAME)` in a value only if NAME stands earlier in the list
 * (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables): ours stand
 * before the first entry that refers to them, and after those that they refer to.
 */
import type { PodContainer } from './pod.ts';

/** A variable in a pod: a value, or a reference to one. */
export type Source =
  | { readonly value: string }
  | { readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } } };
/** Environment variables by name, as they go into the pod. */
export type Variables = ReadonlyMap<string, Source>;

type Entry = NonNullable<PodContainer['env']>[number];

interface Environment {
  readonly entries: readonly Entry[];
  /** Variables that refer to a later one, so that `$(NAME)` stays as it is. */
  readonly unexpanded: readonly string[];
}

/** Each of our variables occurs exactly once; the container's own ones keep their order. */
export function environmentOf(container: PodContainer, variables: Variables): Environment {
  const given = container.env ?? [];
  const own = given.filter(({ name }) => !variables.has(name));
  const former = formerPlaces(given, variables);
  const ours = inOrderOfNeed([...former.keys(), ...variables.keys()], variables);
  const places = placesOf(ours, own, former);
  const byPlace = Map.groupBy(ours, ({ name }) => places.get(name) ?? own.length);
  const entries = [...own, undefined].flatMap((entry, place) => [
    ...(byPlace.get(place) ?? []).map(({ name, source }) => ({ name, ...source })),
    ...(entry ? [entry] : []),
  ]);
  return { entries, unexpanded: unexpandedIn(entries, variables) };
}

/** For each of ours the index of the container's entry that it stands before. */
function placesOf(ours: readonly Ours[], own: readonly Entry[], former: ReadonlyMap<string, number>) {
  const latest = latestPlaces(ours, own);
  const placeAfter = new Map(own.map(({ name }, index) => [name, index + 1]));
  const places = new Map<string, number>();
  for (const { name, needs } of ours) {
    const wanted = Math.min(latest.get(name) ?? own.length, former.get(name) ?? own.length);
    const needed = [...needs].map((need) => Math.max(placeAfter.get(need) ?? 0, places.get(need) ?? 0));
    places.set(
      name,
      needed.reduce((most, place) => Math.max(most, place), wanted),
    );
  }
  return places;
}

interface Ours {
  readonly name: string;
  readonly source: Source;
  readonly needs: ReadonlySet<string>;
}

/** The variables in the order of the names, but each after those that it refers to; a circle is cut at its first one. */
function inOrderOfNeed(names: readonly string[], variables: Variables): Ours[] {
  const ordered = new Map<string, Ours>();
  const visited = new Set<string>();
  const visit = (name: string) => {
    const source = variables.get(name);
    if (!source || visited.has(name)) return;
    visited.add(name);
    const needs = referencesIn('value' in source ? source.value : undefined);
    for (const need of needs) visit(need);
    ordered.set(name, { name, source, needs });
  };
  for (const name of names) visit(name);
  return [...ordered.values()];
}

/** Index of the first of the container's own entries that refers to a variable, directly or through ours. */
function latestPlaces(ours: readonly Ours[], own: readonly Entry[]): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const use = (name: string, place: number) => uses.set(name, Math.min(place, uses.get(name) ?? place));
  for (const [place, entry] of own.entries())
    for (const name of referencesIn(entry['value'])) use(name, place);
  for (const { name, needs } of ours.toReversed()) {
    const place = uses.get(name);
    if (place !== undefined) for (const need of needs) use(need, place);
  }
  return uses;
}

/** Where the container had a variable of ours itself, as an index of its other entries. */
function formerPlaces(given: readonly Entry[], variables: Variables): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  let others = 0;
  for (const { name } of given) {
    if (!variables.has(name)) others += 1;
    else if (!places.has(name)) places.set(name, others);
  }
  return places;
}

/** Only references from or to our variables: the others are the pod's own matter. */
function unexpandedIn(entries: readonly Entry[], variables: Variables): string[] {
  const last = new Map(entries.map(({ name }, index) => [name, index]));
  const found = entries.flatMap(({ name, ...entry }, index) => {
    const isLate = [...referencesIn(entry['value'])].some(
      (need) => (last.get(need) ?? -1) > index && (variables.has(name) || variables.has(need)),
    );
    return isLate ? [name] : [];
  });
  return [...new Set(found)];
}

/** Names in `$(NAME)`; `$$` stands for a `$` that is just one. */
export function referencesIn(value: unknown): ReadonlySet<string> {
  if (typeof value !== 'string') return new Set();
  const found = value.matchAll(/\$(?:\$|\(([^()]*)\))/g);
  return new Set([...found].flatMap(([, name]) => (name === undefined ? [] : [name])));
}
