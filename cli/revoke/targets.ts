/** The grants to revoke: one by its uuid, or all of a pod, whether it lives or not. */
import { validate } from 'uuid';
import type { Deadline } from '../../shared/deadline.ts';
import { ownershipOf } from '../../shared/grants/ownership.ts';
import { readRecords } from '../../shared/grants/records.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';
import type { Ledger, LedgerRecord } from '../../shared/vault/ledger.ts';
import type { Work } from '../../shared/vault/requests.ts';
import { Refusal } from '../refusal.ts';

export interface Target {
  readonly uuid: string;
  readonly record: LedgerRecord;
}

export interface Targets {
  readonly grants: readonly Target[];
  /** A live pod, which loses its databases. */
  readonly pod: LivePod | undefined;
}

export interface TargetParts {
  readonly ledger: Pick<Ledger, 'list' | 'read'>;
  readonly pods: Pick<Pods, 'get' | 'listNamespace'>;
  /** Other clusters' grants are not ours to revoke; `undefined` if unknown: then none with a cluster's name is. */
  readonly clusterId: string | undefined;
  readonly newDeadline: () => Deadline;
  readonly onProgress: (what: string) => void;
}

/**
 * @param what a pod's name or a uuid.
 * @param namespace requested; `undefined` if none was.
 * @param ownNamespace of the kubeconfig's context, for pods.
 * @throws Refusal if there is nothing to revoke.
 */
export function findTargets(
  what: string,
  namespace: string | undefined,
  ownNamespace: () => Promise<string>,
  parts: TargetParts,
): Promise<Targets> {
  if (validate(what)) return oneGrant(what.toLowerCase(), namespace, parts);
  return ofPod(what, namespace, ownNamespace, parts);
}

const workOf = ({ newDeadline }: TargetParts): Work => ({ deadline: newDeadline(), vaultCalls: 0 });

async function oneGrant(uuid: string, namespace: string | undefined, parts: TargetParts): Promise<Targets> {
  const stored = await parts.ledger.read(uuid, workOf(parts));
  if (!stored) throw new Refusal(`the ledger has no grant ${uuid}: it was already revoked, or never existed`);
  const { record } = stored;
  if (namespace !== undefined && record.namespace !== namespace)
    throw new Refusal(
      `grant ${uuid} is of namespace ${record.namespace}, not of ${namespace}: nothing was revoked`,
    );
  if (isForeign(record, parts))
    throw new Refusal(`grant ${uuid} is another cluster's (${record.clusterId}): nothing was revoked`);
  const pods = await parts.pods.listNamespace(record.namespace, parts.newDeadline());
  return { grants: [{ uuid, record }], pod: pods.find(({ uuids }) => uuids.includes(uuid)) };
}

async function ofPod(
  name: string,
  asked: string | undefined,
  ownNamespace: () => Promise<string>,
  parts: TargetParts,
): Promise<Targets> {
  const namespace = asked ?? (await ownNamespace());
  const pod = await parts.pods.get(namespace, name, parts.newDeadline());
  const candidates = pod
    ? pod.uuids.filter((uuid) => validate(uuid))
    : (await parts.ledger.list(workOf(parts))).grants;
  // Records are all that is left of a deleted pod; one with generateName has no name there.
  const isTheirs = (record: LedgerRecord) =>
    record.namespace === namespace &&
    !isForeign(record, parts) &&
    (pod !== undefined || record.podName === name);
  const grants = (await readAll(candidates, parts)).filter(({ record }) => isTheirs(record));
  if (grants.length > 0) return { grants, pod };
  throw new Refusal(
    `there is nothing to revoke for pod ${name} in namespace ${namespace}: ${
      pod
        ? 'it is running, but the ledger has no grant of it (already revoked, or never issued)'
        : 'there is no such pod, and the ledger has no grant of that name (wrong --namespace? by uuid: see list)'
    }`,
  );
}

async function readAll(uuids: readonly string[], parts: TargetParts): Promise<Target[]> {
  const found = await readRecords(
    uuids,
    (uuid) => parts.ledger.read(uuid, workOf(parts)),
    (count) => parts.onProgress(`reading the ledger: ${count} of ${uuids.length} …`),
  );
  return [...found].flatMap(([uuid, one]) => (one === 'unreadable' ? [] : [{ uuid, record: one.record }]));
}

/** A cluster that could not be identified revokes no grant of a named one. */
function isForeign(record: LedgerRecord, { clusterId }: TargetParts): boolean {
  return ['foreign', 'unknown'].includes(ownershipOf(record, clusterId));
}
