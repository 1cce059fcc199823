/**
 * Pods of a test's own, with a label and a place in the ledger of their own: no other test's grants are in the sweeps
 * over them. They are admitted by the admission's own handler and created at the real API server.
 */

import { randomUUID } from 'node:crypto';
import jsonPatch from 'fast-json-patch';
import { v7 as newUuid } from 'uuid';
import * as v from 'valibot';
import { stringify } from 'yaml';
import { parseReview } from '../../../functions/admission/admission-review.ts';
import { admit } from '../../../functions/admission/handler.ts';
import { createOrphanTokens } from '../../../functions/admission/pod-tokens.ts';
import { createBackground } from '../../../shared/background.ts';
import { type ConfigSource, parseConfig } from '../../../shared/config.ts';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { createKubernetesApi } from '../../../shared/kubernetes/api.ts';
import { createPodSecrets } from '../../../shared/kubernetes/secrets.ts';
import { createMetrics } from '../../../shared/telemetry/metrics.ts';
import { createVault } from '../../../shared/vault/index.ts';
import { configurationFor, containerOf } from '../../stack/function.ts';
import { resolveEnvironment } from '../../stack/kubernetes/environment.ts';
import { injectorRole, secretName } from '../../stack/vault/names.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { createPod, environmentOf, type PodManifest, type PodWishes, podWith, uuidsOf } from './pods.ts';
import { reviewOf } from './reviews.ts';
import { stack } from './stack.ts';

/** Configuration keys, by their names in the file. */
export type Keys = Readonly<Record<string, string | number | boolean>>;

/** What a pod was given; of several databases the first. */
export interface Given {
  readonly namespace: string;
  readonly name: string;
  readonly uuid: string;
  readonly uuids: readonly string[];
  readonly user: string;
  readonly password: string;
}

const RecordAnswer = v.object({
  data: v.object({
    data: v.looseObject({
      LeaseId: v.string(),
      TokenId: v.optional(v.string(), ''),
      UserName: v.optional(v.string()),
    }),
  }),
});
export type Fields = v.InferOutput<typeof RecordAnswer>['data']['data'];
const Keyed = v.object({ data: v.object({ keys: v.array(v.string()) }) });

export interface GrantWishes extends PodWishes {
  readonly role?: string;
  /** Annotations without their prefix, beside the role's. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Overrides the fleet's own. */
  readonly tokenReference?: 'token' | 'accessor';
}

export type Fleet = Awaited<ReturnType<typeof openFleet>>;
const ADMITTED_WITHIN_MS = 20_000;
const LONG_AGO_MS = 180_000;
/** They are stored with their uuid in them, which only the webhook may write. */
const unguarded = { 'stack.test/unguarded': 'true' };

/** @param own keys of its configuration, on top of the stack's. */
export async function openFleet(own: Keys = {}) {
  const id = randomUUID().slice(0, 8);
  const keys = {
    injectorLabel: `fleet-${id}`,
    vaultSecretPrefix: `fleet-${id}`,
    // The manifests' own roles may not go beyond their cluster's prefix.
    kubeRole: injectorRole,
    // Nor does the reference's role know of accessors.
    tokenReference: 'token',
    ...own,
  };
  const label = String(keys.injectorLabel);
  const folder = `${secretName}/data/${keys.vaultSecretPrefix}`;
  const folderOfAll = `${secretName}/metadata/${keys.vaultSecretPrefix}`;
  const given: Given[] = [];
  const admission = admissionOf(keys);

  /** The pod as the API server goes on with it once it was admitted. */
  async function admitted(wishes: GrantWishes) {
    const { role = 'gule-rw', tokenReference = admission.tokenReference } = wishes;
    const manifest = podWith(
      { role, ...wishes.annotations },
      {
        ...wishes,
        labels: { [label]: 'true', ...unguarded, ...wishes.labels },
      },
    );
    const { creation } = parseReview(Buffer.from(JSON.stringify(reviewOf(manifest))));
    if (!creation) throw new Error('this is no creation of a pod');
    using deadline = deadlineIn(ADMITTED_WITHIN_MS, monotonicClock);
    const verdict = await admit(creation, { deadline, vaultCalls: 0 }, deadline, {
      ...admission,
      tokenReference,
    });
    if (verdict.denial) throw new Error(verdict.denial.message);
    const pod: PodManifest = structuredClone(manifest);
    return jsonPatch.applyPatch(pod, [...(verdict.patch ?? [])], true).newDocument;
  }

  async function noted(pod: PodManifest, name: string): Promise<Given> {
    const stated = pod.spec.containers[0]?.env ?? [];
    const resolved = await resolveEnvironment(stated, pod.metadata.namespace, stack.kubernetes);
    const env = new Map(resolved.map(({ name: key, value }) => [key, value ?? '']));
    const uuids = uuidsOf(pod);
    const [uuid = ''] = uuids;
    const [user, password] = [env.get('DBUSER') ?? '', env.get('DBPASSWORD') ?? ''];
    const one = { namespace: pod.metadata.namespace, name, uuid, uuids, user, password };
    given.push(one);
    return one;
  }

  return {
    keys,
    label,
    /** All that was ever given to its pods. */
    given: (): readonly Given[] => given,

    /** A pod with credentials, stored. */
    async pod(wishes: GrantWishes = {}): Promise<Given> {
      const pod = await admitted(wishes);
      const stored = await createPod(pod);
      if (environmentOf(stored)['DBUSER'] === undefined) throw new Error('the pod has no credentials');
      return noted(pod, stored.metadata.name);
    },

    pods(count: number, wishes: GrantWishes = {}): Promise<Given[]> {
      return Promise.all(Array.from({ length: count }, () => this.pod(wishes)));
    },

    /** A pod that was admitted, and that the API server has not stored: `store` makes up for it. */
    async admission(wishes: GrantWishes = {}) {
      const pod = await admitted(wishes);
      return { ...(await noted(pod, pod.metadata.name ?? '')), store: () => createPod(pod), manifest: pod };
    },

    async orphans(count: number): Promise<Given[]> {
      return Promise.all(Array.from({ length: count }, () => this.admission()));
    },

    /** The same pod, now known by that uuid. */
    renamed(pod: Given, uuid: string): Given {
      const one = { ...pod, uuid, uuids: [uuid] };
      given.splice(given.indexOf(pod), 1, one);
      return one;
    },

    /** The same grant, as if it had been issued so much earlier. */
    async aged(one: Given, byMs: number): Promise<Given> {
      const uuid = newUuid({ msecs: Date.now() - byMs });
      await this.write(uuid, await this.record(one.uuid));
      await this.erase(one.uuid);
      return this.renamed(one, uuid);
    },

    /** A live pod whose grant was issued so long ago that no sweep waits for its pod any more. */
    agedPod: async (pod: Given): Promise<Given> => {
      const uuid = newUuid({ msecs: Date.now() - LONG_AGO_MS });
      await stack.vault.call('POST', `${folder}/${uuid}`, {
        data: v.parse(RecordAnswer, await stack.vault.call('GET', `${folder}/${pod.uuid}`)).data.data,
      });
      await stack.vault.call('DELETE', `${folderOfAll}/${pod.uuid}`);
      const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`;
      const stored = v.parse(
        v.looseObject({ metadata: v.looseObject({}) }),
        await stack.kubernetes.call('GET', path),
      );
      const annotations = { 'db-creds-injector.numberly.io/uuid': uuid };
      await stack.kubernetes.call('PUT', path, { ...stored, metadata: { ...stored.metadata, annotations } });
      const one = { ...pod, uuid, uuids: [uuid] };
      given.splice(given.indexOf(pod), 1, one);
      return one;
    },

    /** The uuids in the ledger. */
    async records(): Promise<string[]> {
      const { status, body } = await stack.vault.ask('LIST', folderOfAll);
      return status === 404 ? [] : v.parse(Keyed, JSON.parse(body)).data.keys;
    },
    async record(uuid: string): Promise<Fields> {
      return v.parse(RecordAnswer, await stack.vault.call('GET', `${folder}/${uuid}`)).data.data;
    },
    write: (uuid: string, data: object) => stack.vault.call('POST', `${folder}/${uuid}`, { data }),
    erase: (uuid: string) => stack.vault.call('DELETE', `${folderOfAll}/${uuid}`),
    /** What the last sweep has left for the next one. */
    async forgetMemory(): Promise<void> {
      const memory = `${folderOfAll}-sweep`;
      const { data } = v.parse(Keyed, await stack.vault.call('LIST', memory));
      for (const key of data.keys) await stack.vault.call('DELETE', `${memory}/${key}`);
    },
  };
}

/** The configuration of a process of ours, with the fleet's keys. */
export function configurationWith(
  keys: Keys,
  process: ConfigSource['process'],
  environment: Readonly<Record<string, string>> = {},
) {
  const own = configurationFor(stack.description.functions, process);
  return parseConfig({ file: stringify({ ...own, ...keys }), environment, process });
}

function admissionOf(keys: Keys) {
  const config = configurationWith(keys, 'admission');
  const vault = createVault(config.vault, monotonicClock, () => {});
  const newDeadline = (durationMs: number) => deadlineIn(durationMs, monotonicClock);
  const { log } = createKeptLog();
  return {
    ...vault,
    metrics: createMetrics({ process: 'admission', uuidLabel: false }),
    log,
    background: createBackground((thrown) => log.error('work in the background failed', thrown)),
    clock: monotonicClock,
    now: Date.now,
    newDeadline,
    sweepWatch: { last: async () => undefined },
    podTokens: createOrphanTokens({
      grants: vault.grants,
      cluster: config.vault.ledgerPrefix,
      periodSeconds: config.tokenPeriodSeconds,
    }),
    clusterId: config.clusterId,
    tokenReference: config.tokenReference,
    injectorLabel: config.injectorLabel,
    podDefaults: config.podDefaults,
    secrets: createPodSecrets(
      createKubernetesApi(containerOf(stack.description.functions, 'admission').kubeconfig),
    ),
    syncIntervalSeconds: config.syncIntervalSeconds,
  };
}
