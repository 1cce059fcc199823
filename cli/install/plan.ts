/** What will be installed: the options, or else the existing installation's settings. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { parse, YAMLParseError } from 'yaml';
import { type Config, parseConfig } from '../../shared/config.ts';
import { InjectorError } from '../../shared/errors.ts';
import { hasChannelInMemory, isTooOld, whyOneAtATime } from '../broker-delivery.ts';
import { isPathSecret, newPathSecret, PATH_SECRET } from '../path-secret.ts';
import { Refusal } from '../refusal.ts';
import { type Cluster, defaultBrokerClass, hasSenderIdentity, hasSourceFilters } from './cluster.ts';
import type { InstallOptions } from './command.ts';
import type { Existing, Ingress } from './existing.ts';
import type { Wishes } from './overlay.ts';
import { releaseOf } from './requirements.ts';

export interface Plan extends Wishes {
  /** Whether the path's secret is new. */
  readonly newPathSecret: boolean;
  /** Whether the webhook's endpoint changes. */
  readonly anotherWay: boolean;
  /** Whether the webhook still needs a caBundle for that endpoint. */
  readonly awaitsTrust: boolean;
  /** Why the existing Broker has to be recreated; `undefined` if it does not. */
  readonly brokerAgain: string | undefined;
  /** Whether the renewal job has to be resumed. */
  readonly suspended: boolean;
}

const Mapping = v.record(v.string(), v.unknown());
/** Defaults from knative/base/config.yaml. */
const DEFAULTS = {
  vaultSecretName: 'vault-injector',
  serviceAccountTokenFile: '/var/run/secrets/vault/token',
  injectorLabel: 'vault-db-injector',
};
/** A file without the keys may be the Go injector's, which needs the tokens and knows no other delivery. */
const DEFAULTS_WITHOUT_FILE = { tokenReference: 'accessor', delivery: 'secret' };
/** Values in knative/components/projected-service-accounts/token-guard.yaml. */
const GUARDED = { audience: 'vault', expirationSeconds: 3_600 };
const NEEDED = {
  vaultAddress: '--vault-address',
  vaultAuthPath: '--vault-auth-path',
  vaultSecretPrefix: '--prefix',
};

/** @throws Refusal that lists missing or wrong options. */
export async function makePlan(options: InstallOptions, existing: Existing, cluster: Cluster): Promise<Plan> {
  const configuration = await configurationFor(options, existing);
  const config = checked(configuration);
  const pathSecret = pathSecretIn(existing);
  const ingress = await ingressFor(options, existing);
  const anotherWay = existing.ingress !== undefined && existing.ingress.kind !== ingress.kind;
  return {
    configuration,
    image: options.image ?? existing.image,
    vaultCa: await vaultCaFor(options, existing),
    ingress,
    anotherWay,
    awaitsTrust: ingress.kind !== 'none' && (anotherWay || !existing.hasAuthority),
    pathSecret: pathSecret ?? newPathSecret(),
    newPathSecret: pathSecret === undefined,
    broker: existing.broker,
    brokerAgain: whyBrokerAgain(existing, cluster),
    suspended: existing.suspended,
    components: [
      ...(hasSenderIdentity(cluster) ? ['event-authentication'] : []),
      ...(hasSourceFilters(cluster) ? ['source-filters'] : []),
      ...(config.onLost === 'evict' || config.onMaxTtl === 'evict' ? ['evict'] : []),
      ...(config.projectedServiceAccount ? ['projected-service-accounts'] : []),
    ],
  };
}

/** An older Knative ignores the annotation: there a new Broker would be no better than the old one. */
function whyBrokerAgain({ delivery: { broker, channel } }: Existing, cluster: Cluster): string | undefined {
  if (!broker || !hasChannelInMemory(broker, defaultBrokerClass(cluster))) return undefined;
  return isTooOld(releaseOf(cluster, 'Knative Eventing')) ? undefined : whyOneAtATime(broker, channel);
}

async function configurationFor(
  options: InstallOptions,
  existing: Existing,
): Promise<Readonly<Record<string, unknown>>> {
  const { prefix, config } = options;
  const [address, authPath] = [options.vaultAddress, options.vaultAuthPath];
  const configuration = {
    // Lets every record name its cluster, so that another cluster under the same prefix leaves it alone.
    clusterId: existing.clusterUid,
    ...(existing.configuration ?? DEFAULTS),
    ...(existing.configuration === undefined && config === undefined && DEFAULTS_WITHOUT_FILE),
    ...(config !== undefined && (await readMapping(config))),
    ...(address !== undefined && { vaultAddress: address }),
    ...(authPath !== undefined && { vaultAuthPath: authPath }),
    ...(prefix !== undefined && { vaultSecretPrefix: prefix }),
  };
  const missing = Object.entries(NEEDED).flatMap(([key, option]) => (key in configuration ? [] : [option]));
  // The image's name in the manifests has no registry.
  if ((options.image ?? existing.image) === undefined) missing.push('--image');
  if (missing.length > 0) throw new Refusal(`missing: ${missing.join(', ')}`);
  return configuration;
}

async function readMapping(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return v.parse(Mapping, parse(await readFile(file, 'utf8'), { prettyErrors: false }));
  } catch (error) {
    throw new Refusal(`--config: ${file} cannot be read as a YAML mapping${whereIn(error)}`);
  }
}

/** Leaves out the lines themselves: they may contain a secret. */
function whereIn(error: unknown): string {
  if (!(error instanceof YAMLParseError)) return '';
  return `: ${error.code.toLowerCase().replaceAll('_', ' ')}${error.linePos ? `, line ${error.linePos[0].line}` : ''}`;
}

async function vaultCaFor(options: InstallOptions, existing: Existing): Promise<string | undefined> {
  const file = options.vaultCa;
  if (file === undefined) return existing.vaultCa;
  const pem = await readFile(file, 'utf8').catch(() => '');
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new Refusal(`--vault-ca: ${file} cannot be read, or holds no certificate in PEM`);
}

/** Parsed as the processes do, so that they start. */
function checked(configuration: Readonly<Record<string, unknown>>): Config {
  try {
    const environment = { INJECTOR_KUBE_ROLE: 'vault-db-injector-renewal' };
    const file = JSON.stringify(configuration);
    const config = parseConfig({ file, environment, process: 'renewal' });
    const otherwise = notAsInManifests(config);
    if (otherwise === undefined) return config;
    throw new Refusal(`${otherwise} needs an overlay of your own (docs/install.md)`);
  } catch (error) {
    throw error instanceof InjectorError ? new Refusal(error.message) : error;
  }
}

function notAsInManifests({ injectorLabel, projectedServiceAccount }: Config): string | undefined {
  if (injectorLabel !== DEFAULTS.injectorLabel)
    return `injectorLabel: the manifests select pods by ${DEFAULTS.injectorLabel}; another label`;
  const { audience, expirationSeconds } = projectedServiceAccount ?? GUARDED;
  if (audience !== GUARDED.audience || expirationSeconds > GUARDED.expirationSeconds)
    return `projectedSAAudience, projectedSAExpirationSecond: the manifests allow the function tokens for the audience ${GUARDED.audience}, for ${GUARDED.expirationSeconds} s at most; anything else`;
  return undefined;
}

function pathSecretIn({ pathSecrets }: Existing): string | undefined {
  if (pathSecrets === undefined) return undefined;
  const { current, ...others } = pathSecrets;
  if (Object.keys(others).length > 0) {
    throw new Refusal(
      "a rotation of the webhook's path is in progress: finish it first with npx vault-db-injector rotate",
    );
  }
  if (isPathSecret(current)) return current;
  throw new Refusal(
    `the Secret ${PATH_SECRET} has no key "current" with 64 hexadecimal digits in lower case: delete it, and a new one will be created`,
  );
}

async function ingressFor(options: InstallOptions, existing: Existing): Promise<Ingress> {
  const { ingress } = options;
  const [url, ca] = [options.webhookUrl, options.webhookCa];
  if (ingress === undefined) return existing.ingress ?? { kind: 'kourier' };
  if (ingress !== 'none') return { kind: ingress };
  const pem = ca === undefined ? undefined : await readFile(ca).catch(() => undefined);
  if (ca !== undefined && pem === undefined) throw new Refusal(`--webhook-ca: ${ca} cannot be read`);
  return { kind: 'none', url: new URL(url ?? '').origin, caBundle: pem?.toString('base64') };
}
