/** An installation by the commands of cli/, on a real API server; controllers and the function's pod are the test's. */

import * as v from 'valibot';
import { beforeAll, expect } from 'vitest';
import { bringKnative, startBareCluster } from './bare-cluster.ts';
import { askedFor, commandsOn } from './commands.ts';
import { type Controllers, startControllers } from './controllers.ts';
import { startInstalledFunction } from './installed-function.ts';

export const ASKED = askedFor('https://vault.secrets.svc:8200', 'mine');
const SECRET = /\b[\da-f]{64}\b/;
const KINDS =
  'mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,clusterrolebindings,clusterdomainclaims.networking.internal.knative.dev,roles,rolebindings,serviceaccounts,networkpolicies,configmaps,secrets,cronjobs,services.serving.knative.dev,domainmappings.serving.knative.dev,certificates.cert-manager.io,issuers.cert-manager.io,brokers.eventing.knative.dev,triggers.eventing.knative.dev,apiserversources.sources.knative.dev';

const Versioned = v.object({
  items: v.array(
    v.looseObject({
      kind: v.string(),
      metadata: v.looseObject({ name: v.string(), resourceVersion: v.string() }),
    }),
  ),
});
const Webhooks = v.object({
  items: v.array(v.object({ webhooks: v.array(v.looseObject({ clientConfig: v.looseObject({}) })) })),
});

export type Installing = Awaited<ReturnType<typeof openInstalling>>;

export async function openInstalling(name: string) {
  const cluster = await startBareCluster(name);
  const commands = commandsOn(cluster);
  /** All that the commands have printed. */
  const said: string[] = [];
  const get = async (...args: string[]): Promise<string> =>
    cluster.kubectl('get', '--namespace=vault-injector', ...args);
  return {
    cluster,
    commands,
    get,
    async install(...args: string[]) {
      const result = await commands.install(...args);
      said.push(result.text);
      return result;
    },
    /** The pod of the self-test goes to the stack's admission function, and on to Vault. */
    async startParts() {
      const admission = await startInstalledFunction(cluster, name);
      const controllers = startControllers(cluster, { startAdmission: admission.mountSecret });
      return { admission, controllers };
    },
    /** All that is installed, by kind and name, with its resourceVersion. */
    async installed(): Promise<Record<string, string>> {
      const { items } = v.parse(Versioned, JSON.parse(await get(KINDS, '--output=json')));
      const ours = items.filter(
        ({ metadata }) => !/^system:|^cluster-admin|^admin$|^edit$|^view$/.test(metadata.name),
      );
      return Object.fromEntries(
        ours.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]),
      );
    },
    async webhooks() {
      const answer = await cluster.kubectl('get', 'mutatingwebhookconfigurations', '--output=json');
      return v.parse(Webhooks, JSON.parse(answer)).items.flatMap((item) => item.webhooks);
    },
    async pathSecret(key: string): Promise<string> {
      const encoded = await get('secret', 'webhook-path', `--output=jsonpath={.data.${key}}`);
      return Buffer.from(encoded, 'base64').toString();
    },
    expectNoSecretPrinted(): void {
      expect(said.filter((text) => SECRET.test(text))).toEqual([]);
      expect(said.length).toBeGreaterThan(2);
    },
  };
}

/** Brings Knative, and installs before the first test. */
export function installedFirst({ cluster, install, startParts }: Installing) {
  const parts: { controllers?: Controllers } = {};
  beforeAll(async () => {
    await bringKnative(cluster);
    const { admission, controllers } = await startParts();
    parts.controllers = controllers;
    const { code, text } = await install(...ASKED, ...admission.way);
    expect([code, text]).toEqual([0, expect.stringContaining('is denied by name')]);
  });
  return {
    /** While the work runs, objects of that kind fail for that reason. */
    async failing<T>(kind: string, reason: string, work: () => Promise<T>): Promise<T> {
      parts.controllers?.failing.set(kind, reason);
      return work().finally(() => parts.controllers?.failing.clear());
    },
  };
}
