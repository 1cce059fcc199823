/**
 * A new pod's way to the admission function: webhook, CA, certificate; and the policy that guards the annotations on
 * pods.
 */
import { X509Certificate } from 'node:crypto';
import * as v from 'valibot';
import { readObject } from '../../shared/kubernetes/objects.ts';
import { NAMESPACE, WEBHOOK } from '../objects.ts';
import { NO_SECRET } from '../webhook-path.ts';
import { type Check, failed, ok, unknown } from './check.ts';
import type { Facts } from './facts.ts';
import { showCertificate } from './serving-certificate.ts';

const ClientConfig = v.object({
  url: v.optional(v.string()),
  caBundle: v.optional(v.string(), ''),
  service: v.optional(
    v.object({
      namespace: v.string(),
      name: v.string(),
      port: v.optional(v.number(), 443),
      path: v.optional(v.string(), '/'),
    }),
  ),
});
export type ClientConfig = v.InferOutput<typeof ClientConfig>;
const Webhooks = v.object({
  webhooks: v.tuple([
    v.object({
      clientConfig: ClientConfig,
      failurePolicy: v.optional(v.string(), 'Fail'),
      objectSelector: v.optional(
        v.object({ matchLabels: v.optional(v.record(v.string(), v.string()), {}) }),
        {},
      ),
    }),
  ]),
});

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const INSTALL = 'npx vault-db-injector install';
const CA = "the webhook's authority";

export async function readWebhook({ api, deadline }: Facts) {
  const path = `${REGISTRATION}/mutatingwebhookconfigurations/${WEBHOOK}`;
  return (await readObject(api, path, Webhooks, deadline()))?.webhooks[0];
}

export const webhook = (facts: Facts): Check => ({
  name: 'webhook',
  needs: ['API server', 'configuration'],
  async look() {
    const found = await readWebhook(facts);
    if (!found)
      return failed(`there is no MutatingWebhookConfiguration ${WEBHOOK}: no pod gets credentials`, INSTALL);
    const { injectorLabel } = await facts.config('admission');
    const selected = found.objectSelector?.matchLabels ?? {};
    if (selected[injectorLabel] !== 'true')
      return failed(
        `it does not select pods with the label ${injectorLabel}: "true" (injectorLabel), but ${JSON.stringify(selected)}`,
        `make injectorLabel and its objectSelector agree: kubectl edit mutatingwebhookconfiguration ${WEBHOOK}`,
      );
    if (found.failurePolicy !== 'Fail')
      return failed(
        `its failurePolicy is ${found.failurePolicy}: while the function is away, pods start without credentials`,
        INSTALL,
      );
    const { url, service } = found.clientConfig;
    if (`${url}${service?.path}`.includes(NO_SECRET))
      return failed('its path has no secret yet, so the function refuses it', INSTALL);
    const target = service ? `Service ${service.name} in ${service.namespace}` : new URL(url ?? '').host;
    return ok(`pods with ${injectorLabel}: "true" go to ${target}`);
  },
});

export const webhookAuthority = (facts: Facts): Check => ({
  name: CA,
  needs: ['webhook'],
  async look() {
    const { clientConfig } = (await readWebhook(facts)) ?? {};
    if (!clientConfig || clientConfig.caBundle === '') {
      if (clientConfig?.url) return unknown('none is set: the API server uses the authorities of its system');
      return failed(
        "no caBundle is set: is cert-manager's cainjector running?",
        'kubectl --namespace cert-manager get pods',
      );
    }
    const certificates = certificatesIn(clientConfig.caBundle);
    const ends = certificates.map(({ validTo }) => Date.parse(validTo));
    // A bundle may still contain old authorities beside the current one.
    const latest = Math.max(...ends);
    if (certificates.length === 0 || Number.isNaN(latest))
      return failed('its caBundle holds no certificate', INSTALL);
    const end = new Date(latest).toISOString().slice(0, 10);
    if (latest < facts.now())
      return failed(`expired on ${end}`, anew(clientConfig, 'webhook-ca webhook-tls'));
    return ok(`valid until ${end}`);
  },
});

/** cert-manager recreates deleted certificates; others have to be supplied by their owner. */
const anew = ({ service }: ClientConfig, secrets: string): string =>
  service
    ? `kubectl --namespace ${NAMESPACE} delete secret ${secrets}`
    : `${INSTALL} --ingress none --webhook-url URL --webhook-ca FILE`;

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesIn(caBundle: string): X509Certificate[] {
  const text = Buffer.from(caBundle, 'base64').toString('utf8');
  return (text.match(PEM) ?? []).flatMap((pem) => {
    try {
      return [new X509Certificate(pem)];
    } catch {
      return [];
    }
  });
}

export const webhookCertificate = (facts: Facts): Check => ({
  name: "the webhook's certificate",
  needs: [CA],
  async look() {
    const { clientConfig } = (await readWebhook(facts)) ?? {};
    if (!clientConfig) return unknown('the webhook is gone');
    const shown = await showCertificate(clientConfig, facts);
    if (shown.state === 'unreachable')
      return unknown(
        `${shown.place} could not be reached from here (${shown.reason}); the cluster may reach it`,
      );
    if (shown.state === 'refused')
      return failed(
        `the certificate of ${shown.place} does not match the webhook's authority (${shown.reason})`,
        anew(clientConfig, 'webhook-tls'),
      );
    return ok(`${shown.place} has one of that authority, valid until ${shown.validUntil}`);
  },
});

export const podGuard = ({ api, deadline }: Facts): Check => ({
  name: 'pod guard',
  needs: ['API server'],
  async look() {
    const names = [
      'vault-db-injector-pods',
      'vault-db-injector-left-out-namespaces',
      'vault-db-injector-bindings',
    ];
    const Any = v.object({ kind: v.string() });
    const missing: string[] = [];
    for (const name of names) {
      for (const plural of ['validatingadmissionpolicies', 'validatingadmissionpolicybindings']) {
        const found = await readObject(api, `${REGISTRATION}/${plural}/${name}`, Any, deadline());
        if (!found) missing.push(`${plural}/${name}`);
      }
    }
    if (missing.length === 0) return ok('uuids and labels of live pods cannot be changed');
    return failed(`missing: ${missing.join(', ')}; uuids on pods can be forged`, INSTALL);
  },
});
