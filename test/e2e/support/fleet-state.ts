/** What is true of a fleet in Vault, PostgreSQL and the cluster. */
import * as v from 'valibot';
import { expect } from 'vitest';
import { query } from '../../stack/postgres.ts';
import type { Fleet, Given } from './fleet.ts';
import { uuidsOf } from './pods.ts';
import { databaseUri, whoAmI } from './postgres.ts';
import { exampleNamespace, stack } from './stack.ts';

const Rows = v.array(v.object({ rolname: v.string() }));
const WRONG_PASSWORD = '28P01';

/** The fleet's users that PostgreSQL knows. */
export async function usersLeft(fleet: Fleet): Promise<string[]> {
  const rows = await query(stack.description.databaseUrl, 'SELECT rolname FROM pg_roles');
  const all = new Set(v.parse(Rows, rows).map(({ rolname }) => rolname));
  return fleet.given().flatMap(({ user }) => (all.has(user) ? [user] : []));
}

export async function canLogIn({ user, password }: Given): Promise<boolean> {
  return whoAmI(databaseUri(user, password)).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === WRONG_PASSWORD) return false;
      throw error;
    },
  );
}

const Pods = v.object({
  items: v.array(
    v.looseObject({
      metadata: v.looseObject({
        name: v.string(),
        namespace: v.string(),
        annotations: v.optional(v.record(v.string(), v.string()), {}),
      }),
    }),
  ),
});

/** The pods with the fleet's label. */
export async function podsOf(fleet: Fleet) {
  const answer = await stack.kubernetes.call('GET', `/api/v1/pods?labelSelector=${fleet.label}%3Dtrue`);
  return v.parse(Pods, answer).items;
}

/**
 * Every database user that the fleet was given belongs to a live pod or is named by a record, and every live pod can log
 * in, but for those whose loss the test is about.
 */
export async function expectOrder(fleet: Fleet, lost: readonly Given[] = []): Promise<void> {
  const live = new Set((await podsOf(fleet)).flatMap(uuidsOf));
  const recorded = new Set(await fleet.records());
  const known = fleet
    .given()
    .filter(({ uuids }) => uuids.some((uuid) => live.has(uuid) || recorded.has(uuid)));
  const left = await usersLeft(fleet);
  expect(left.filter((user) => !known.some((one) => one.user === user))).toEqual([]);
  const shouldWork = fleet
    .given()
    .filter((one) => live.has(one.uuid) && !lost.some(({ uuid }) => uuid === one.uuid));
  const locked = await Promise.all(shouldWork.map(async (one) => ((await canLogIn(one)) ? [] : [one.name])));
  expect(locked.flat()).toEqual([]);
}

const pathOf = ({ namespace, name }: { namespace?: string; name: string }) =>
  `/api/v1/namespaces/${namespace ?? exampleNamespace}/pods/${name}`;

export async function deletePod(pod: Pick<Given, 'namespace' | 'name'>): Promise<void> {
  await stack.kubernetes.call('DELETE', `${pathOf(pod)}?gracePeriodSeconds=0`);
}

const AnyPod = v.looseObject({
  metadata: v.looseObject({
    labels: v.optional(v.record(v.string(), v.string()), {}),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
  }),
});

/** Rewrites the pod's labels and annotations. */
export async function changePod(
  pod: Given,
  change: (metadata: v.InferOutput<typeof AnyPod>['metadata']) => object,
): Promise<void> {
  const stored = v.parse(AnyPod, await stack.kubernetes.call('GET', pathOf(pod)));
  const metadata = { ...stored.metadata, ...change(stored.metadata) };
  await stack.kubernetes.call('PUT', pathOf(pod), { ...stored, metadata });
}

/** A status as reported by a kubelet. */
export async function setStatus(pod: Given, status: object): Promise<void> {
  const stored = v.parse(AnyPod, await stack.kubernetes.call('GET', pathOf(pod)));
  await stack.kubernetes.call('PUT', `${pathOf(pod)}/status`, { ...stored, status });
}

const Events = v.object({
  items: v.array(
    v.object({ reason: v.string(), message: v.string(), involvedObject: v.object({ name: v.string() }) }),
  ),
});

/** What the pod's owner was told. */
export async function toldOf({
  namespace,
  name,
}: Pick<Given, 'namespace' | 'name'>): Promise<{ reason: string; message: string }[]> {
  const { items } = v.parse(
    Events,
    await stack.kubernetes.call('GET', `/api/v1/namespaces/${namespace}/events`),
  );
  return items
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason, message }) => ({ reason, message }));
}
