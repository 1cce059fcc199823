/**
 * Which grants the live pods of a namespace name. Events come in bursts, when a Deployment is scaled down or a
 * namespace deleted: those that arrive during a list share the next one, so that only one runs at a time.
 */
import { type Deadline, deadlineIn, monotonicClock, within } from '../../shared/deadline.ts';
import { lateFor } from '../../shared/kubernetes/api.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';
import { createSingleFlight } from '../../shared/single-flight.ts';

/** All live pods of the namespace, as of some moment after the call. */
export type NamespaceClaims = (namespace: string, deadline: Deadline) => Promise<readonly LivePod[]>;

const LIST_WITHIN_MS = 10_000;
const late = lateFor('the API server did not list the pods in time');

export function createNamespaceClaims(pods: Pick<Pods, 'listNamespace'>): NamespaceClaims {
  const lists = createSingleFlight<readonly LivePod[]>();
  const waits = createSingleFlight<void>();

  async function list(namespace: string): Promise<readonly LivePod[]> {
    using deadline = deadlineIn(LIST_WITHIN_MS, monotonicClock);
    return await pods.listNamespace(namespace, deadline);
  }

  /** Resolves when the running list has ended: it may be older than the event. */
  async function waitForList(namespace: string): Promise<void> {
    await lists.current(namespace)?.catch(() => undefined);
  }

  return (namespace, deadline) => {
    const start = () => lists.run(() => list(namespace), namespace);
    const isIdle = !lists.current(namespace) && !waits.current(namespace);
    const listed = isIdle ? start() : waits.run(() => waitForList(namespace), namespace).then(start);
    return within(deadline, listed, late);
  };
}
