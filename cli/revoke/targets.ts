/** The grants to revoke: by uuid, by pod (whether it lives or not), by the pods' labels, by database role. */
import pLimit from 'p-limit';
import { validate } from 'uuid';
import { ownershipOf } from '../../shared/grants/ownership.ts';
import type { LivePod, Pods } from '../../shared/kubernetes/pods.ts';
import type { Ledger, LedgerRecord } from '../../shared/vault/ledger.ts';
import { scopeOfLease } from '../../shared/vault/slots.ts';
import { type RecordParts, readRecords, workOf } from '../records.ts';
import { Misuse, Refusal } from '../refusal.ts';

export interface Target {
  readonly uuid: string;
  readonly record: LedgerRecord;
  /** The live pod that names it, which loses its database. */
  readonly pod: LivePod | undefined;
}

export interface Wanted {
  /** Pods, as `NAME` or `pod/NAME`, and uuids. */
  readonly what: readonly string[];
  readonly role?: string | undefined;
  /** Labels of live pods. */
  readonly selector?: string | undefined;
  /** The namespace that was named; absent: none was. */
  readonly namespace?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
}

export interface TargetParts extends RecordParts {
  readonly ledger: Pick<Ledger, 'list' | 'read'>;
  readonly pods: Pick<Pods, 'get' | 'listLive' | 'listNamespace'>;
  readonly injectorLabel: string;
  /** Other clusters' grants are not ours to revoke; `undefined` if unknown: then none with a cluster's name is. */
  readonly clusterId: string | undefined;
  /** The namespace of the kubeconfig's context, for pods. */
  readonly ownNamespace: () => Promise<string>;
  /** Gets each grant whose record cannot be read: it may be one of those that are meant. */
  readonly onUnreadable: (uuid: string) => void;
}

const CONCURRENCY = 16;

/** @throws Misuse if nothing is named, or in two ways. */
export function mustBeNamed({ what, role, selector, allNamespaces }: Wanted): void {
  if (what.length === 0 && role === undefined && selector === undefined)
    throw new Misuse(
      'Name a pod or grant, or use --role or --selector\nSee: npx vault-db-injector revoke --help',
    );
  if (what.length > 0 && selector !== undefined)
    throw new Misuse('Name pods and grants, or use --selector: not both');
  if (what.length > 0 && allNamespaces)
    throw new Misuse('--all-namespaces goes with --role or --selector: a name is of one namespace');
}

/**
 * The union of what is named, or else everything of the role or of the labels; the role limits all of it.
 *
 * @throws Refusal if there is nothing to revoke for any of it.
 */
export async function findTargets(wanted: Wanted, parts: TargetParts): Promise<readonly Target[]> {
  const { what, role, selector } = wanted;
  const found =
    what.length > 0
      ? (await Promise.all(what.map((one) => named(one, wanted, parts)))).flat()
      : await everywhere(wanted, parts);
  const targets = new Map(found.map((target) => [target.uuid, target]));
  const chosen = [...targets.values()].filter(({ record }) => isOfRole(record, role));
  if (chosen.length > 0) return chosen;
  const conditions = [role && `role "${role}"`, selector && `pods with ${selector}`].filter(Boolean);
  throw new Refusal(`there is nothing to revoke for ${conditions.join(' of ')}`);
}

function named(one: string, wanted: Wanted, parts: TargetParts): Promise<readonly Target[]> {
  const [, kind, name = one] = /^(pods?|po)\/(.+)$/.exec(one) ?? [];
  return kind === undefined && validate(one)
    ? oneGrant(one.toLowerCase(), wanted.namespace, parts)
    : ofPod(name, wanted.namespace, parts);
}

async function oneGrant(uuid: string, namespace: string | undefined, parts: TargetParts): Promise<Target[]> {
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
  return [{ uuid, record, pod: pods.find(({ uuids }) => uuids.includes(uuid)) }];
}

async function ofPod(name: string, asked: string | undefined, parts: TargetParts): Promise<Target[]> {
  const namespace = asked ?? (await parts.ownNamespace());
  const pod = await parts.pods.get(namespace, name, parts.newDeadline());
  if (pod) {
    const grants = await ofLivePods([pod], parts);
    if (grants.length > 0) return grants;
  } else {
    // Records are all that is left of a deleted pod; one with generateName has no name there.
    const isTheirs = (record: LedgerRecord) => record.namespace === namespace && record.podName === name;
    const grants = (await wholeLedger(parts)).filter(({ record }) => isTheirs(record));
    if (grants.length > 0) return grants;
  }
  throw new Refusal(
    `there is nothing to revoke for pod ${name} in namespace ${namespace}: ${
      pod
        ? 'it is running, but the ledger has no grant of it (already revoked, or never issued)'
        : 'there is no such pod, and the ledger has no grant of that name (wrong --namespace? by uuid: see list)'
    }`,
  );
}

async function everywhere(wanted: Wanted, parts: TargetParts): Promise<readonly Target[]> {
  const { selector, allNamespaces } = wanted;
  const namespace = allNamespaces ? undefined : (wanted.namespace ?? (await parts.ownNamespace()));
  const isThere = (one: { readonly namespace: string }) =>
    namespace === undefined || one.namespace === namespace;
  const { listLive } = parts.pods;
  if (selector !== undefined) {
    const pods = await listLive(`${selector},${parts.injectorLabel}`, parts.newDeadline());
    return ofLivePods(pods.filter(isThere), parts);
  }
  const grants = (await wholeLedger(parts)).filter(
    ({ record }) => isThere(record) && isOfRole(record, wanted.role),
  );
  // All pods, since one that has lost its label lives, too.
  const namespaces = [...new Set(grants.map(({ record }) => record.namespace))];
  const pods = await pLimit(CONCURRENCY).map(namespaces, (one) =>
    parts.pods.listNamespace(one, parts.newDeadline()),
  );
  return grants.map((target) => ({ ...target, pod: pods.flat().find((pod) => names(pod, target)) }));
}

/** Records of the Go injector name no role: their lease does. */
function isOfRole(record: LedgerRecord, role: string | undefined): boolean {
  if (role === undefined) return true;
  return (record.role ?? scopeOfLease(record.namespace, record.leaseId)?.role) === role;
}

/** Whether the pod is the grant's: another namespace's may name its uuid, too. */
const names = ({ uuids, namespace }: LivePod, { uuid, record }: Omit<Target, 'pod'>): boolean =>
  namespace === record.namespace && uuids.includes(uuid);

async function ofLivePods(pods: readonly LivePod[], parts: TargetParts): Promise<Target[]> {
  const uuids = pods.flatMap((pod) => pod.uuids).filter((uuid) => validate(uuid));
  const grants = await readAll(uuids, parts);
  return grants.flatMap((grant) => {
    const pod = pods.find((one) => names(one, grant));
    return pod ? [{ ...grant, pod }] : [];
  });
}

const wholeLedger = async (parts: TargetParts): Promise<Target[]> =>
  readAll((await parts.ledger.list(workOf(parts))).grants, parts);

/** This cluster's grants among them. */
async function readAll(uuids: readonly string[], parts: TargetParts): Promise<Target[]> {
  const records = [...(await readRecords(uuids, parts))];
  for (const [uuid, record] of records) if (record === undefined) parts.onUnreadable(uuid);
  return records.flatMap(([uuid, record]) =>
    record === undefined || isForeign(record, parts) ? [] : [{ uuid, record, pod: undefined }],
  );
}

/** A cluster that could not be identified revokes no grant of a named one. */
function isForeign(record: LedgerRecord, { clusterId }: TargetParts): boolean {
  return ['foreign', 'unknown'].includes(ownershipOf(record, clusterId));
}
