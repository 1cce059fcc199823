/**
 * What comes from outside costs what it is long, and no more: ten times as much of the nastiest takes at most fifteen times
 * as long, at each door. Both are measured in one run, many times over, and the quickest of them counts.
 */
import { describe, expect, test } from 'vitest';
import { answerReview, parseReview } from '../../functions/admission/admission-review.ts';
import { budgetFor } from '../../functions/admission/deadline.ts';
import { appRoleRequestOf, refusalOf } from '../../functions/approle/request.ts';
import { readPost } from '../../init/approle/post.ts';
import { parseAnnotations } from '../../shared/annotations.ts';
import { InjectorError } from '../../shared/errors.ts';
import { changedPodIn } from '../../shared/events/changed-pod.ts';
import { readCloudEvent } from '../../shared/events/cloud-event.ts';
import { deadLetterOf, readStored, replayOf, storedForm } from '../../shared/events/dead-letter.ts';
import { deletedPodIn } from '../../shared/events/deleted-pod.ts';
import { createSenders } from '../../shared/kubernetes/senders.ts';
import { patchPod } from '../../shared/pod/patch.ts';
import type { Pod } from '../../shared/pod/pod.ts';
import { problemsOf } from '../../shared/pod/remarks.ts';
import { causes } from '../../shared/telemetry/logger.ts';
import { originOf } from '../../shared/telemetry/origin.ts';
import { refusal } from '../../shared/vault/failure.ts';
import { globMatches } from '../../shared/vault/glob.ts';
import type { Kv } from '../../shared/vault/kv.ts';
import { createLedger } from '../../shared/vault/ledger.ts';
import { vaultPath } from '../../shared/vault/path.ts';
import { newWork } from '../support/work.ts';

const PREFIX = 'db-creds-injector.numberly.io/';
const UUID = '018f3a2e-7c1d-7abc-8def-0123456789ab';
const defaults = { engine: 'databases', delivery: 'env', podsMayChooseDelivery: true } as const;
const work = newWork();

const podOf = (parts: {
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly name?: string;
  readonly container?: string;
}): Pod => ({
  metadata: {
    name: parts.name ?? 'p',
    generateName: '',
    namespace: 'n',
    labels: parts.labels,
    annotations: parts.annotations,
  },
  spec: {
    serviceAccountName: '',
    nodeName: '',
    containers: [{ name: parts.container ?? 'app', env: [{ name: 'DBUSER', value: 'x' }] }],
  },
});

/** Runs an admission up to its first question to Vault, and returns its outcome. */
function admitted(pod: Pod): string {
  const request = {
    uid: 'u',
    kind: { version: 'v1', kind: 'Pod' },
    operation: 'CREATE',
    namespace: 'n',
    object: pod,
  };
  const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
  const { creation } = parseReview(Buffer.from(JSON.stringify(review)));
  if (!creation) throw new Error('the review is of something else');
  const parsed = parseAnnotations(creation.pod.metadata.annotations ?? {}, defaults);
  const problems = problemsOf(parsed, creation.pod);
  const variables = new Map([['DBUSER', { value: 'user' }]]);
  const { operations, warnings } = patchPod(
    creation.pod,
    { variables, files: [], secretName: '', uuids: UUID },
    parsed.containers,
  );
  const denial = { code: 422, message: problems.join('; ') };
  return JSON.stringify(
    answerReview('u', problems.length > 0 ? { denial, warnings } : { patch: operations, warnings }),
  );
}

const annotation = (key: string) => (text: string) =>
  admitted(podOf({ annotations: { [`${PREFIX}a.role`]: 'rw', [`${PREFIX}${key}`]: text } }));

async function sunk(attributes: Record<string, string>, annotations: Record<string, string> = {}) {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': 's',
    'ce-type': 'dev.knative.apiserver.resource.delete',
    'content-type': 'application/json',
    ...attributes,
  };
  const metadata = { namespace: 'n', name: 'p', annotations: { [`${PREFIX}uuid`]: UUID, ...annotations } };
  const rawBody = Buffer.from(JSON.stringify({ kind: 'Pod', metadata }));
  const event = await readCloudEvent({ rawHeaders: Object.entries(headers).flat(), rawBody });
  changedPodIn(event);
  deletedPodIn(event);
  const letter = deadLetterOf(event);
  if (letter) replayOf(letter);
  return letter && readStored(storedForm(letter).data);
}

const kv = (data: Record<string, unknown>): Kv => ({
  read: async () => ({ data, createdAt: new Date(0), version: 1 }),
  list: async () => [String(data['Namespace'])],
  write: () => expect.unreachable(),
  keepOneVersion: () => expect.unreachable(),
  remove: () => expect.unreachable(),
});
const record = { TokenId: 't', Namespace: 'n', LeaseId: 'l' };
const inRecord = (field: string) => async (text: string) => {
  const ledger = createLedger(kv({ ...record, [field]: text }), 'prefix');
  await ledger.list(work);
  return ledger.read(UUID, work).catch(String);
};

const senders = createSenders(
  { send: () => Promise.reject(new Error('the keys are not read for that')) },
  { audience: 'own', subjects: ['s'] },
  () => 0,
);

const post = (field: string) => (text: string) => {
  const body = {
    token: 't',
    creationTime: '2026-01-01T00:00:00Z',
    ttl: 1,
    vaultAddr: 'https://v',
    vaultCAs: '',
  };
  return outcome(() => readPost(Buffer.from(JSON.stringify({ ...body, [field]: text })), 'https://v'));
};

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return String(error);
  }
}

const appRole = (key: string) => (text: string) => {
  const annotations = {
    'pod.boostport.com/vault-approle': 'a',
    'pod.boostport.com/vault-init-container': 'b',
    [`pod.boostport.com/vault-${key}`]: text,
  };
  const wish = appRoleRequestOf({ annotations });
  const pod = { namespace: 'n', serviceAccount: text, initContainers: new Map() };
  return (
    wish &&
    refusalOf(wish, pod, {
      namespaces: ['*a*'],
      roles: { a: { namespaces: ['*'], serviceAccounts: ['a*b'] } },
    })
  );
};

const DOORS: Readonly<Record<string, (text: string) => unknown>> = {
  "an annotation's name": (text) => admitted(podOf({ annotations: { [`${PREFIX}${text}.role`]: 'rw' } })),
  "an unknown annotation's name": (text) => admitted(podOf({ annotations: { [`${PREFIX}${text}`]: 'rw' } })),
  "somebody else's annotation": (text) => admitted(podOf({ annotations: { [text]: text } })),
  'a role': annotation('a.role'),
  'an auth role': annotation('a.auth-role'),
  'a mount': annotation('a.cluster'),
  'a mode': annotation('a.mode'),
  'names of variables': annotation('a.env-key-dbuser'),
  'names of containers': annotation('containers'),
  'a uuid of the pod': annotation('uuid'),
  'a template': (text) =>
    admitted(
      podOf({
        annotations: {
          [`${PREFIX}a.role`]: 'rw',
          [`${PREFIX}a.mode`]: 'uri',
          [`${PREFIX}a.env-key-uri`]: 'U',
          [`${PREFIX}a.template`]: `postgres://${text}`,
        },
      }),
    ),
  'a label': (text) => admitted(podOf({ labels: { [text]: text } })),
  "a container's name": (text) =>
    admitted(
      podOf({ container: text, annotations: { [`${PREFIX}role`]: 'rw', [`${PREFIX}containers`]: 'b' } }),
    ),
  "a pod's name": (text) => admitted(podOf({ name: text, annotations: { [`${PREFIX}role`]: 'rw' } })),
  'a review that is none': (text) => outcome(() => parseReview(Buffer.from(text))),
  'a kind of review': (text) =>
    outcome(() =>
      parseReview(
        Buffer.from(
          JSON.stringify({
            apiVersion: 'admission.k8s.io/v1',
            kind: 'AdmissionReview',
            request: { uid: 'u', kind: { group: text, version: text, kind: text }, operation: 'CREATE' },
          }),
        ),
      ),
    ),
  "an event's type": (text) => sunk({ 'ce-type': text }).catch(String),
  "an event's source": (text) => sunk({ 'ce-source': text }).catch(String),
  "an event's id": (text) => sunk({ 'ce-id': text }).catch(String),
  "an event's subject": (text) => sunk({ 'ce-subject': text }).catch(String),
  "an event's time": (text) => sunk({ 'ce-time': text }).catch(String),
  "an event's extension": (text) =>
    sunk({
      'ce-knativeerrorcode': text,
      'ce-knativeerrordest': `http://a/${text}`,
      'ce-deadletterreplays': text,
    }).catch(String),
  "an event's content type": (text) => sunk({ 'content-type': `application/json;${text}` }).catch(String),
  "an event's uuids": (text) => sunk({}, { [`${PREFIX}uuid`]: `${UUID},${text}` }).catch(String),
  'a dead letter': (text) =>
    readStored({
      namespace: text,
      pod: text,
      uuids: text,
      source: text,
      subject: text,
      id: text,
      time: text,
      errorCode: text,
      errorDestination: text,
      replays: text,
    }),
  "an AppRole's name": appRole('approle'),
  "an init container's name": appRole('init-container'),
  'a token for an init container': post('token'),
  "Vault's address for an init container": post('vaultAddr'),
  'authorities for an init container': post('vaultCAs'),
  'a time for an init container': post('creationTime'),
  'a namespace for an init container': post('vaultNamespace'),
  'a request path': (text) =>
    outcome(() => new URL(`http://localhost/${text}?timeout=${text}`).searchParams.get('timeout')),
  'a time-out': (text) => budgetFor(text),
  'a trace': (text) => originOf(text, text),
  "a sender's token": (text) => senders.check(`Bearer ${text}`, work.deadline).catch(String),
  "a record's lease": inRecord('LeaseId'),
  "a record's namespace": inRecord('Namespace'),
  "a record's token": inRecord('TokenId'),
  "a record's name": (text) => outcome(() => vaultPath('mount/data', { name: text })),
  "Vault's error": (text) =>
    causes(
      refusal({ operation: 'read', status: 500, retryAfter: text, body: JSON.stringify({ errors: [text] }) }),
    ),
  'an error that is none of Vault': (text) =>
    refusal({ operation: 'read', status: 503, retryAfter: text, body: text }),
  'an error of ours': (text) => causes(new InjectorError('internal', text, { cause: new Error(text) })),
  'a name that patterns are tried on': (text) => globMatches('*a*b*', text),
};

const NASTY = [
  '-eyJ',
  'eyJ.',
  'hvs.',
  's.',
  ',',
  '..',
  '%',
  '%zz',
  '\u0001',
  '\ud83d',
  '/',
  '@',
  '$(',
  '~1',
  '"',
  '\\',
  ' ',
  ' ,',
  '://',
  '{',
  '[',
  'é',
  '1h',
  'a1-',
  '=',
];

// Where memory comes in larger pieces a step may look like growth at one of these sizes, and not at the other.
const SIZES = [4_000, 16_000] as const;
// A sample of the smaller one takes so long, which even a coarse clock can tell apart.
const LEAST_MS = 2;
const RUNS = 15;

async function timed(work: () => unknown, times: number): Promise<number> {
  const startedAt = performance.now();
  for (let time = 0; time < times; time += 1) await work();
  return performance.now() - startedAt;
}

/** How much longer the larger one takes, at best. */
async function growth(door: (text: string) => unknown, part: string, size: number): Promise<number> {
  const small = part.repeat(size / part.length);
  const large = small.repeat(10);
  await timed(() => door(small), 3);
  const once = Math.max(await timed(() => door(small), 1), 0.01);
  const times = Math.ceil(LEAST_MS / once);
  const ratios: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const short = await timed(() => door(small), times);
    ratios.push((await timed(() => door(large), times)) / short);
    if ((ratios.at(-1) ?? 0) <= 15) break;
  }
  return Math.min(...ratios);
}

describe.each(Object.entries(DOORS))('%s', (_, door) => {
  test('ten times as long takes at most fifteen times as long', async () => {
    const slow: [string, number][] = [];
    for (const part of NASTY) {
      const ratios: number[] = [];
      for (const size of SIZES) {
        ratios.push(await growth(door, part, size));
        if (Math.min(...ratios) <= 15) break;
      }
      const ratio = Math.min(...ratios);
      if (ratio > 15) slow.push([part, Math.round(ratio)]);
    }
    expect(slow).toEqual([]);
  }, 60_000);
});
