/**
 * The pods this instance has answered for a moment ago. The API server may show a webhook the pod that it patched
 * itself (a second webhook configuration, a re-invocation); such a pod needs no second set of credentials.
 * A cache only: an instance that does not know the pod treats its uuid as anybody's and issues anew.
 */
import * as v from 'valibot';
import { UUID_ANNOTATION } from '../../shared/annotations.ts';
import type { Clock } from '../../shared/deadline.ts';
import type { Source, Variables } from '../../shared/pod/patch.ts';
import { containersOf, type Pod } from '../../shared/pod/pod.ts';
import { Secret } from '../../shared/secret.ts';

export interface Issued {
  remember(
    namespace: string,
    pod: Pod,
    uuids: string,
    variables: Variables,
    only: readonly string[] | undefined,
  ): void;
  /** Whether this is, unchanged in what we wrote, a pod that was patched here; true at most once. */
  take(namespace: string, pod: Pod): boolean;
}

interface Entry {
  readonly identity: string;
  readonly variables: ReadonlyMap<string, Secret>;
  readonly only: readonly string[] | undefined;
  readonly until: number;
}

// Within one API request: what other webhooks need is all that is between. One that takes longer costs a second set.
const REMEMBERED_FOR_MS = 15_000;
const REMEMBERED_AT_MOST = 2_000;
// A pod of more costs a second set: so many pods of theirs would take all of a process' memory.
const MOST_VARIABLES = 100;

export function createIssued(clock: Clock): Issued {
  const entries = new Map<string, Entry>();
  return {
    remember(namespace, pod, uuids, variables, only) {
      if (variables.size > MOST_VARIABLES) return;
      const oldest = entries.keys().next().value;
      if (entries.size >= REMEMBERED_AT_MOST && oldest !== undefined) entries.delete(oldest);
      const kept = new Map([...variables].map(([name, source]) => [name, new Secret(textOf(source))]));
      entries.set(uuids, {
        identity: identityOf(namespace, pod),
        variables: kept,
        only,
        until: clock() + REMEMBERED_FOR_MS,
      });
    },
    take(namespace, pod) {
      const uuids = pod.metadata.annotations?.[UUID_ANNOTATION] ?? '';
      const entry = entries.get(uuids);
      if (!entry || clock() > entry.until || entry.identity !== identityOf(namespace, pod)) return false;
      if (v.is(OnceStored, pod) || !holds(pod, entry)) return false;
      entries.delete(uuids);
      return true;
    },
  };
}

function holds(pod: Pod, { variables, only }: Entry): boolean {
  const names = only && new Set(only);
  return containersOf(pod)
    .filter(({ container }) => !names || names.has(container.name))
    .every(({ container }) => {
      const entries = Map.groupBy(container.env ?? [], ({ name }) => name);
      return [...variables].every(([name, source]) => {
        const found = entries.get(name) ?? [];
        const held = v.safeParse(Held, found[0]);
        return found.length === 1 && held.success && textOf(held.output) === source.reveal();
      });
    });
}

/** Made of a pod that was (`kubectl replace --force`): the credentials in it end with that one. */
const OnceStored = v.looseObject({ status: v.looseObject({ phase: v.pipe(v.string(), v.nonEmpty()) }) });

const Held = v.union([
  v.object({ valueFrom: v.object({ secretKeyRef: v.object({ name: v.string(), key: v.string() }) }) }),
  v.object({ value: v.string() }),
]);

/** The same for the same source, whatever the API server has added to it. */
function textOf(source: Source): string {
  if ('value' in source) return JSON.stringify([source.value]);
  const { name, key } = source.valueFrom.secretKeyRef;
  return JSON.stringify([name, key]);
}

function identityOf(namespace: string, { metadata, spec }: Pod): string {
  return JSON.stringify([namespace, metadata.name, metadata.generateName, spec.serviceAccountName]);
}
