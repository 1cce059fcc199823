/**
 * Rotates the secret of the webhook's path without a failed admission: the function accepts the new one beside the
 * old one before the webhook uses it, and the old one until no API server can still use it. Each step checks the
 * current state, so that an interrupted rotation can be resumed.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import type { Caller } from '../command.ts';
import { untilReady } from '../install/ready.ts';
import { type Kubectl, openKubectl, saidBy } from '../kubectl.ts';
import { KubernetesObject, NAMESPACE, WEBHOOK } from '../objects.ts';
import { isPathSecret, newPathSecret, PATH_SECRET } from '../path-secret.ts';
import { Refusal } from '../refusal.ts';
import { whereItActs } from '../target.ts';
import { withPath } from '../webhook-path.ts';
import type { RotateOptions } from './command.ts';

const MANAGER = '--field-manager=vault-db-injector-rotation';
const IN_NAMESPACE = `--namespace=${NAMESPACE}`;
const FUNCTION = ['services.serving.knative.dev', 'admission', IN_NAMESPACE] as const;
const Secret = v.looseObject({ data: v.optional(v.record(v.string(), v.string()), {}) });

/** @returns the exit code. */
export async function rotate(options: RotateOptions, caller: Caller): Promise<number> {
  const { say } = caller.terminal;
  const kubectl = openKubectl(options, caller);
  say(await whereItActs(kubectl));
  await findFunction(kubectl);
  const next = await acceptBoth(kubectl);
  await startAnew(kubectl, next);
  say('The function is restarting with both secrets.');
  const service = v.parse(KubernetesObject, await kubectl.json(['get', ...FUNCTION]));
  await untilReady(kubectl, [service], { withinMs: options.timeout * 1_000, say });
  await pointWebhook(kubectl, next);
  say(`The webhook uses the new one. Waiting ${options.settle} s until all API servers have picked it up.`);
  await sleep(options.settle * 1_000);
  await dropOld(kubectl, next);
  say('The old one is removed from the Secret; running instances drop it within two minutes.');
  return 0;
}

/** Checked before anything is changed. */
async function findFunction(kubectl: Kubectl): Promise<void> {
  const { code, stderr } = await kubectl.run(['get', ...FUNCTION, '--output=name']);
  if (code === 0) return;
  throw new Refusal(
    `nothing was changed: the Knative Service admission in ${NAMESPACE} cannot be found (${saidBy(stderr)}). Without Knative, rotate by hand: see docs/install.md`,
  );
}

/** @returns the new secret, which is in the Secret beside the old one. */
async function acceptBoth(kubectl: Kubectl): Promise<string> {
  const { secret, values } = await readSecret(kubectl);
  if (isPathSecret(values['next'])) return values['next'];
  if (!isPathSecret(values['current'])) {
    throw new Refusal(
      `the Secret ${PATH_SECRET} has no usable key "current": run npx vault-db-injector install`,
    );
  }
  const next = newPathSecret();
  await replace(kubectl, { ...secret, data: { ...secret.data, next: encode(next) } });
  return next;
}

/** A running instance would see the new secret only when its kubelet updates the volume. */
async function startAnew(kubectl: Kubectl, next: string): Promise<void> {
  // A repeated run gets the same value, so no new revision starts; it reveals nothing about the secret.
  const mark = createHash('sha256').update(next).digest('hex').slice(0, 16);
  const annotations = { 'vault-db-injector.numberly.io/webhook-path': mark };
  const patch = JSON.stringify({ spec: { template: { metadata: { annotations } } } });
  await kubectl.text(['patch', ...FUNCTION, '--type=merge', `--patch=${patch}`, MANAGER]);
}

async function pointWebhook(kubectl: Kubectl, next: string): Promise<void> {
  const found = await kubectl.json(['get', 'mutatingwebhookconfiguration', WEBHOOK]);
  await replace(kubectl, withPath(v.parse(KubernetesObject, found), next));
}

async function dropOld(kubectl: Kubectl, next: string): Promise<void> {
  const { secret } = await readSecret(kubectl);
  await replace(kubectl, { ...secret, data: { current: encode(next) } });
}

async function readSecret(kubectl: Kubectl) {
  const found = await kubectl.json(['get', 'secret', PATH_SECRET, IN_NAMESPACE, '--ignore-not-found']);
  if (found === undefined)
    throw new Refusal(`there is no Secret ${PATH_SECRET}: run npx vault-db-injector install`);
  const secret = v.parse(Secret, found);
  const values = Object.fromEntries(
    Object.entries(secret.data).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString('utf8').trim(),
    ]),
  );
  return { secret, values };
}

/** Includes the resourceVersion: concurrent changes are not overwritten. */
async function replace(kubectl: Kubectl, object: object): Promise<void> {
  await kubectl.text(['replace', '--filename=-', MANAGER], JSON.stringify(object));
}

const encode = (secret: string): string => Buffer.from(secret).toString('base64');
