/** The state of an earlier installation in the cluster, which is kept unless options say otherwise. */
import * as v from 'valibot';
import { parse as parseYaml } from 'yaml';
import { Annotated, channelOf } from '../broker-delivery.ts';
import type { Kubectl } from '../kubectl.ts';
import { find, type KubernetesObject, keyOf, NAMESPACE, reference, WEBHOOK } from '../objects.ts';
import { PATH_SECRET } from '../path-secret.ts';
import { Refusal } from '../refusal.ts';
import { isSuspendedByUs, RENEWAL } from '../renewal-suspension.ts';
import type { DefinedKind } from './cluster.ts';

export type Ingress =
  | { readonly kind: 'kourier' | 'istio' }
  | { readonly kind: 'none'; readonly url: string; readonly caBundle: string | undefined };

export interface Existing {
  /** Keys of the configuration; `undefined` if nothing is installed. */
  readonly configuration: Readonly<Record<string, unknown>> | undefined;
  readonly image: string | undefined;
  readonly ingress: Ingress | undefined;
  /** Whether the webhook has a caBundle. */
  readonly hasAuthority: boolean;
  /** PEM of the authority of Vault's certificate. */
  readonly vaultCa: string | undefined;
  /** The keys of the Secret, each one a secret of the webhook's path. */
  readonly pathSecrets: Readonly<Record<string, string>> | undefined;
  /** The Broker's address. */
  readonly broker: string | undefined;
  /** The Broker of pods' events and its channel, if they exist. */
  readonly delivery: { readonly broker: Annotated | undefined; readonly channel: Annotated | undefined };
  /** Whether an unfinished uninstallation has suspended the renewal job. */
  readonly suspended: boolean;
  /** The cluster's identity: the uid of `kube-system`. */
  readonly clusterUid: string;
}

const ConfigMap = v.object({ data: v.object({ 'config.yaml': v.string() }) });
const Authority = v.object({ data: v.object({ 'ca.crt': v.string() }) });
const Configuration = v.record(v.string(), v.unknown());
const Secret = v.object({ data: v.optional(v.record(v.string(), v.string()), {}) });
const Broker = v.object({ status: v.object({ address: v.object({ url: v.string() }) }) });
const KnativeService = v.object({
  spec: v.object({
    template: v.object({ spec: v.object({ containers: v.tuple([v.object({ image: v.string() })]) }) }),
  }),
});
const Renewal = v.object({ spec: v.object({ jobTemplate: KnativeService }) });
const Namespace = v.object({ metadata: v.object({ uid: v.pipe(v.string(), v.nonEmpty()) }) });
const Webhook = v.object({
  webhooks: v.tupleWithRest(
    [
      v.object({
        clientConfig: v.object({
          url: v.optional(v.string()),
          caBundle: v.optional(v.string()),
          service: v.optional(v.object({ namespace: v.string() })),
        }),
      }),
    ],
    v.unknown(),
  ),
});

const BROKER = reference('eventing.knative.dev/v1', 'Broker', 'pods', NAMESPACE);
const CHANNEL = reference('messaging.knative.dev/v1', 'InMemoryChannel', channelOf('pods'), NAMESPACE);
const FUNCTION = reference('serving.knative.dev/v1', 'Service', 'admission', NAMESPACE);
const CONFIGURATION = reference('v1', 'ConfigMap', 'configuration', NAMESPACE);
const VAULT_CA = reference('v1', 'ConfigMap', 'vault-ca', NAMESPACE);
const SECRET = reference('v1', 'Secret', PATH_SECRET, NAMESPACE);
const KUBE_SYSTEM = reference('v1', 'Namespace', 'kube-system');
const WEBHOOKS = reference('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', WEBHOOK);

/** @param kinds that the cluster defines; of others there can be no objects. */
export async function readExisting(kubectl: Kubectl, kinds: readonly DefinedKind[]): Promise<Existing> {
  const isDefined = ({ apiVersion, kind }: KubernetesObject) =>
    kinds.some((one) => apiVersion.startsWith(`${one.group}/`) && one.kind === kind);
  const core = [KUBE_SYSTEM, CONFIGURATION, VAULT_CA, SECRET, WEBHOOKS, RENEWAL];
  const sought = [...core, ...[BROKER, CHANNEL, FUNCTION].filter(isDefined)];
  const objects = new Map((await find(kubectl, sought)).map((object) => [keyOf(object), object]));
  const get = (object: KubernetesObject) => objects.get(keyOf(object));
  return {
    configuration: configurationIn(get(CONFIGURATION)),
    image: imageIn(parse(KnativeService, get(FUNCTION)) ?? parse(Renewal, get(RENEWAL))?.spec.jobTemplate),
    ingress: ingressIn(get(WEBHOOKS)),
    hasAuthority: Boolean(parse(Webhook, get(WEBHOOKS))?.webhooks[0].clientConfig.caBundle),
    vaultCa: parse(Authority, get(VAULT_CA))?.data['ca.crt'],
    pathSecrets: pathSecretsIn(get(SECRET)),
    broker: parse(Broker, get(BROKER))?.status.address.url,
    delivery: { broker: parse(Annotated, get(BROKER)), channel: parse(Annotated, get(CHANNEL)) },
    suspended: isSuspendedByUs(get(RENEWAL)),
    clusterUid: v.parse(Namespace, get(KUBE_SYSTEM)).metadata.uid,
  };
}

/** `undefined` until it has one. */
export async function readBrokerAddress(kubectl: Kubectl): Promise<string | undefined> {
  const [broker] = await find(kubectl, [BROKER]);
  return parse(Broker, broker)?.status.address.url;
}

function parse<S extends v.GenericSchema>(
  schema: S,
  object: KubernetesObject | undefined,
): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(schema, object);
  return parsed.success ? parsed.output : undefined;
}

function configurationIn(object: KubernetesObject | undefined): Existing['configuration'] {
  const found = parse(ConfigMap, object);
  if (!found) return undefined;
  try {
    return v.parse(Configuration, parseYaml(found.data['config.yaml']));
  } catch {
    throw new Refusal(
      `the ConfigMap configuration in ${NAMESPACE} has no YAML mapping in config.yaml: fix or delete it`,
    );
  }
}

function imageIn(template: v.InferOutput<typeof KnativeService> | undefined): string | undefined {
  return template?.spec.template.spec.containers[0].image;
}

function pathSecretsIn(object: KubernetesObject | undefined): Existing['pathSecrets'] {
  const found = parse(Secret, object);
  if (!found) return undefined;
  return Object.fromEntries(
    Object.entries(found.data).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString('utf8').trim(),
    ]),
  );
}

function ingressIn(object: KubernetesObject | undefined): Ingress | undefined {
  const { url, caBundle, service } = parse(Webhook, object)?.webhooks[0].clientConfig ?? {};
  if (service?.namespace === 'kourier-system') return { kind: 'kourier' };
  if (service?.namespace === 'istio-system') return { kind: 'istio' };
  if (url !== undefined) return { kind: 'none', url: new URL(url).origin, caBundle };
  return undefined;
}
