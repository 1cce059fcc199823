/** Whether a pod of a function or job cannot start. Their controllers report that only minutes later. */
import * as v from 'valibot';
import { readObject } from '../../shared/kubernetes/objects.ts';
import { printable } from '../../shared/secret.ts';
import { NAMESPACE } from '../objects.ts';
import { type Check, failed, ok } from './check.ts';
import type { Facts } from './facts.ts';

const Waiting = v.object({ reason: v.optional(v.string(), ''), message: v.optional(v.string(), '') });
const Statuses = v.optional(
  v.array(
    v.object({
      name: v.string(),
      image: v.optional(v.string(), ''),
      state: v.optional(v.object({ waiting: v.optional(Waiting) }), {}),
    }),
  ),
  [],
);
const Pods = v.object({
  items: v.array(
    v.object({
      metadata: v.object({ name: v.string() }),
      status: v.optional(v.object({ initContainerStatuses: Statuses, containerStatuses: Statuses }), {}),
    }),
  ),
});
const PATH = `/api/v1/namespaces/${NAMESPACE}/pods`;
/** The kubelet's reasons that do not go away with time. */
const CANNOT_START =
  /^(?:ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|ImageInspectError|CreateContainerConfigError|CreateContainerError|RunContainerError|CrashLoopBackOff)$/;

export const podsStart = ({ api, deadline }: Facts): Check => ({
  name: 'pods of the injector',
  needs: ['API server'],
  async look() {
    const items = (await readObject(api, PATH, Pods, deadline()))?.items ?? [];
    const stuck = items.flatMap(({ metadata, status }) =>
      [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].flatMap(({ state }) => {
        const { reason = '', message = '' } = state.waiting ?? {};
        return CANNOT_START.test(reason) ? [{ pod: metadata.name, said: `${reason}: ${message}` }] : [];
      }),
    );
    const [first] = stuck;
    if (!first) return ok('none fails to start');
    const others = stuck.length > 1 ? ` (and ${stuck.length - 1} more)` : '';
    return failed(
      `${first.pod} cannot start${others}: ${printable(first.said, 300)}`,
      `kubectl --namespace ${NAMESPACE} describe pod ${first.pod}; if the image is missing: npx vault-db-injector install --image IMAGE`,
    );
  },
});
