/**
 * The pods this instance has answered for a moment ago. The API server may show a webhook the pod that it patched
 * itself (a second webhook configuration, a re-invocation); such a pod needs no second set of credentials.
 * A cache only: an instance that does not know the pod treats its uuid as anybody's and issues anew.
 */
import { UUID_ANNOTATION } from '../../shared/annotations.ts';
import type { Clock } from '../../shared/deadline.ts';
import type { Variables } from '../../shared/pod/patch.ts';
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
  readonly values: ReadonlyMap<string, Secret>;
  readonly only: readonly string[] | undefined;
  readonly until: number;
}

// Within one API request, which the API server gives up after a minute at the most.
const REMEMBERED_FOR_MS = 30_000;
const REMEMBERED_AT_MOST = 2_000;

export function createIssued(clock: Clock): Issued {
  const entries = new Map<string, Entry>();
  return {
    remember(namespace, pod, uuids, variables, only) {
      const oldest = entries.keys().next().value;
      if (entries.size >= REMEMBERED_AT_MOST && oldest !== undefined) entries.delete(oldest);
      const values = new Map([...variables].map(([name, value]) => [name, new Secret(value)]));
      entries.set(uuids, {
        identity: identityOf(namespace, pod),
        values,
        only,
        until: clock() + REMEMBERED_FOR_MS,
      });
    },
    take(namespace, pod) {
      const uuids = pod.metadata.annotations?.[UUID_ANNOTATION] ?? '';
      const entry = entries.get(uuids);
      if (!entry || clock() > entry.until || entry.identity !== identityOf(namespace, pod)) return false;
      if (!holds(pod, entry)) return false;
      entries.delete(uuids);
      return true;
    },
  };
}

function holds(pod: Pod, { values, only }: Entry): boolean {
  return containersOf(pod)
    .filter(({ container }) => !only || only.includes(container.name))
    .every(({ container }) =>
      [...values].every(([name, value]) => {
        const found = (container.env ?? []).filter((entry) => entry.name === name);
        const held = found[0]?.['value'];
        return found.length === 1 && held === value.reveal();
      }),
    );
}

function identityOf(namespace: string, { metadata, spec }: Pod): string {
  return JSON.stringify([namespace, metadata.name, metadata.generateName, spec.serviceAccountName]);
}
