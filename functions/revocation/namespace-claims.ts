/**
 * Which grants the live pods of a namespace name. Events come in bursts, when a Deployment is scaled down or a
 * namespace deleted: those that arrive during a list share the next one, so that only one runs at a time.
 */
import { type Deadline, deadlineIn, monotonicClock, within } from '../../shared/deadline.ts';
import { lateFor } from '../../shared/kubernetes/api.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';

/** All live pods of the namespace, as of some moment after the call. */
export type NamespaceClaims = (namespace: string, deadline: Deadline) => Promise<readonly LivePod[]>;

interface Lists {
  running: Promise<readonly LivePod[]>;
  next: Promise<readonly LivePod[]> | undefined;
}

const LIST_WITHIN_MS = 10_000;
const late = lateFor('the API server did not list the pods in time');

export function createNamespaceClaims(pods: Pick<Pods, 'listNamespace'>): NamespaceClaims {
  const lists = new Map<string, Lists>();

  async function list(namespace: string): Promise<readonly LivePod[]> {
    using deadline = deadlineIn(LIST_WITHIN_MS, monotonicClock);
    return await pods.listNamespace(namespace, deadline);
  }

  function start(namespace: string): Promise<readonly LivePod[]> {
    const running = list(namespace);
    const current: Lists = { running, next: undefined };
    lists.set(namespace, current);
    // The failure is handled where the promise is awaited.
    running
      .catch(() => undefined)
      .finally(() => {
        if (lists.get(namespace) === current && !current.next) lists.delete(namespace);
      });
    return running;
  }

  return (namespace, deadline) => {
    const current = lists.get(namespace);
    if (!current) return within(deadline, start(namespace), late);
    current.next ??= current.running.catch(() => undefined).then(() => start(namespace));
    return within(deadline, current.next, late);
  };
}
