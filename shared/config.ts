/**
 * The configuration: the reference injector's YAML keys and ours, each of which `INJECTOR_` + its name in
 * upper snake case overrides. One pure function makes a frozen object of it, or one error with every fault.
 */

import { loadAll } from 'js-yaml';
import * as v from 'valibot';
import { parseDuration } from './duration.ts';
import { InjectorError } from './errors.ts';

const text = v.pipe(v.string('expected a text'), v.trim(), v.nonEmpty('expected a text that is not empty'));
const flag = v.union(
  [
    v.boolean(),
    v.pipe(
      v.picklist(['true', 'false']),
      v.transform((value) => value === 'true'),
    ),
  ],
  'expected true or false',
);
const whole = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number))], 'expected a whole number'),
  v.integer('expected a whole number'),
  v.minValue(1, 'expected at least 1'),
);
const fraction = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.decimal(), v.transform(Number))], 'expected a number'),
  v.minValue(0, 'expected a number between 0 and 1'),
  v.maxValue(1, 'expected a number between 0 and 1'),
);
const duration = v.pipe(
  text,
  v.transform((value) => (parseDuration(value) ?? 0) / 1_000),
  v.minValue(1, 'expected a duration of at least a second, such as "768h" or "1h30m"'),
);
const httpUrl = v.pipe(
  text,
  v.url('expected a URL'),
  v.regex(/^https?:\/\//, 'expected http:// or https://'),
);
// Mounts and prefixes become parts of Vault's paths: nothing in them may leave the path.
const vaultPath = v.pipe(
  text,
  v.regex(
    /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/,
    'expected a path of letters, digits, "_", "-", "." and inner "/"',
  ),
);

const keys = {
  vaultAddress: httpUrl,
  vaultAuthPath: vaultPath,
  vaultNamespace: v.optional(vaultPath),
  vaultCaFile: v.optional(text),
  vaultSecretName: vaultPath,
  vaultSecretPrefix: vaultPath,
  kubeRole: text,
  serviceAccountTokenFile: v.optional(text, '/var/run/secrets/kubernetes.io/serviceaccount/token'),
  tokenTTL: v.optional(duration, '768h'),
  syncTTLSecond: v.optional(whole, 300),
  defaultEngine: v.optional(vaultPath, 'databases'),
  injectorLabel: v.optional(text, 'vault-db-injector'),
  mode: v.optional(
    v.picklist(['injector', 'renewer', 'revoker', 'all'], 'expected injector, renewer, revoker or all'),
  ),
  logLevel: v.optional(
    v.picklist(['debug', 'info', 'warn', 'error'], 'expected debug, info, warn or error'),
    'info',
  ),
  sentry: v.optional(flag, false),
  sentryDsn: v.optional(httpUrl),
  certFile: v.optional(text),
  keyFile: v.optional(text),
  clusterId: v.optional(
    v.pipe(text, v.regex(/^[\w.-]{1,128}$/, 'expected letters, digits, "_", "-" and "."')),
  ),
  gracePeriodSecond: v.optional(whole, 120),
  maxRevokeFraction: v.optional(fraction, 0.5),
  onMaxTtl: v.optional(v.picklist(['report', 'evict'], 'expected report or evict'), 'report'),
  onLost: v.optional(v.picklist(['report', 'evict'], 'expected report or evict'), 'report'),
  sweepShards: v.optional(whole, 1),
  vaultRateLimit: v.optional(whole),
  metricsUuidLabel: v.optional(flag, false),
  metricsPushUrl: v.optional(httpUrl),
  listenAddress: v.optional(v.pipe(text, v.ip('expected an IP address'))),
};
const schema = v.object(keys);

/** Names of all keys, as they stand in a configuration file. */
export const CONFIGURATION_KEYS: readonly string[] = Object.keys(keys);

/** The key's name in the environment: `syncTTLSecond` is `INJECTOR_SYNC_TTL_SECOND`. */
export function environmentName(key: string): string {
  const words = key.replace(/([a-z\d])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2');
  return `INJECTOR_${words.toUpperCase()}`;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Process = 'injector' | 'renewer' | 'revoker';
export type Config = Readonly<ReturnType<typeof shape>>;

export interface ConfigSource {
  /** Text of the YAML file; absent where the environment says everything. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** What the starting process is; a `mode` that names another one is a fault. */
  readonly process: Process;
}

/**
 * @throws InjectorError `configuration_invalid` with every fault, one a line.
 */
export function parseConfig(source: ConfigSource): Config {
  const faults: string[] = [];
  const given = { ...fromFile(source.file, faults), ...fromEnvironment(source.environment, faults) };
  const parsed = v.safeParse(schema, given, { abortPipeEarly: true });
  for (const issue of parsed.issues ?? []) {
    const key = v.getDotPath(issue) ?? '';
    faults.push(`${key}: ${key in given ? issue.message : `is missing (or set ${environmentName(key)})`}`);
  }
  if (parsed.success) faults.push(...contradictions(parsed.output, source.process));
  const port = number('PORT', 8080, 65_535, source.environment, faults);
  const mostShard = parsed.success ? parsed.output.sweepShards - 1 : 0;
  if (
    source.process === 'renewer' &&
    mostShard > 0 &&
    source.environment['JOB_COMPLETION_INDEX'] === undefined
  ) {
    faults.push(
      'JOB_COMPLETION_INDEX: is missing, and sweepShards is more than 1: the Job has to be Indexed',
    );
  }
  const shard = number('JOB_COMPLETION_INDEX', 0, mostShard, source.environment, faults);
  if (!parsed.success || faults.length > 0) {
    throw new InjectorError(
      'configuration_invalid',
      `the configuration is not valid:\n  ${faults.join('\n  ')}`,
    );
  }
  return Object.freeze(shape(parsed.output, port, shard));
}

/** A number that the platform sets, not the user. */
function number(
  name: string,
  fallback: number,
  most: number,
  environment: Environment,
  faults: string[],
): number {
  const value = Number(environment[name] ?? fallback);
  if (!Number.isInteger(value) || value < 0 || value > most)
    faults.push(`${name}: expected a number up to ${most}`);
  return value;
}

type Values = v.InferOutput<typeof schema>;

function contradictions(values: Values, process: Process): string[] {
  const faults: string[] = [];
  if (values.mode && values.mode !== 'all' && values.mode !== process) {
    faults.push(`mode: found "${values.mode}", but this process is the ${process}`);
  }
  if (values.sentry && !values.sentryDsn) faults.push('sentryDsn: is missing, and sentry is true');
  if (!values.certFile !== !values.keyFile) faults.push('certFile, keyFile: expected both or neither');
  return faults;
}

function shape(values: Values, port: number, shard: number) {
  return {
    port,
    /** Absent: all interfaces, as a container needs it. */
    host: values.listenAddress,
    vault: Object.freeze({
      address: values.vaultAddress,
      namespace: values.vaultNamespace,
      caFile: values.vaultCaFile,
      authPath: values.vaultAuthPath,
      kubeRole: values.kubeRole,
      serviceAccountTokenFile: values.serviceAccountTokenFile,
      ledgerMount: values.vaultSecretName,
      ledgerPrefix: values.vaultSecretPrefix,
      defaultEngine: values.defaultEngine,
      /** Requests a second; absent: no limit of ours. */
      rateLimit: values.vaultRateLimit,
      clusterId: values.clusterId,
    }),
    tokenPeriodSeconds: values.tokenTTL,
    syncIntervalSeconds: values.syncTTLSecond,
    clusterId: values.clusterId,
    gracePeriodSeconds: values.gracePeriodSecond,
    maxRevokeFraction: values.maxRevokeFraction,
    onMaxTtl: values.onMaxTtl,
    onLost: values.onLost,
    /** This process' share of the ledger, of so many. */
    shard,
    shards: values.sweepShards,
    metricsUuidLabel: values.metricsUuidLabel,
    metricsPushUrl: values.metricsPushUrl,
    injectorLabel: values.injectorLabel,
    logLevel: values.logLevel,
    sentryDsn: values.sentry ? values.sentryDsn : undefined,
    tls:
      values.certFile && values.keyFile
        ? Object.freeze({ certFile: values.certFile, keyFile: values.keyFile })
        : undefined,
  };
}

function fromFile(file: string | undefined, faults: string[]): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(readYaml(file, faults))) {
    // The reference's document spells this one key with a capital, its code without.
    const key = name === 'SyncTTLSecond' ? 'syncTTLSecond' : name;
    if (!Object.hasOwn(keys, key)) faults.push(`${name}: is not a known key`);
    else if (Object.hasOwn(given, key)) faults.push(`${name}: is there twice`);
    else if (value !== null && value !== '') given[key] = value;
  }
  return given;
}

/** A file of comments alone has none. */
function oneDocument(file: string): unknown {
  const [document, ...more] = loadAll(file);
  if (more.length > 0) throw new Error('it holds more than one document');
  return document;
}

function readYaml(file: string | undefined, faults: string[]): Record<string, unknown> {
  if (file === undefined) return {};
  try {
    const parsed: unknown = oneDocument(file) ?? {};
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw new Error('expected keys');
    return Object.fromEntries(Object.entries(parsed));
  } catch (error) {
    // Only the first line: the parser's message goes on with the text around the fault, which may be a DSN.
    const [reason = ''] = error instanceof Error ? error.message.split('\n') : [];
    faults.push(`the file is not a YAML mapping: ${reason}`);
    return {};
  }
}

// Kubernetes adds such variables for every Service in the namespace, so also for one called "injector".
const SERVICE_LINK =
  /^INJECTOR_(?:.+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_.+)?)?)$/;

function fromEnvironment(environment: Environment, faults: string[]): Record<string, string> {
  const byName = new Map(CONFIGURATION_KEYS.map((key) => [environmentName(key), key]));
  const { METRICS_PUSH_URL } = environment;
  const given: Record<string, string> = METRICS_PUSH_URL ? { metricsPushUrl: METRICS_PUSH_URL } : {};
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('INJECTOR_') || value === undefined || value === '' || SERVICE_LINK.test(name))
      continue;
    const key = byName.get(name);
    if (key) given[key] = value;
    else faults.push(`${name}: is not the name of a key in the environment`);
  }
  return given;
}
