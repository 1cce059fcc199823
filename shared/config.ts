/**
 * The configuration: the reference injector's YAML keys and ours, each overridden by `INJECTOR_` + its name in upper
 * snake case. One pure function returns a frozen object, or throws one error that lists every fault.
 */
import * as v from 'valibot';
import { environmentName, keys } from './config-keys.ts';
import { type Environment, readGiven } from './config-source.ts';
import { InjectorError } from './errors.ts';
import type { ProcessName } from './telemetry/metric-table.ts';

const schema = v.object(keys);
/** Processes that never ask Vault: they start even if Vault is down, and have no role there. */
const withoutVault = v.partial(schema, [
  'vaultAddress',
  'vaultAuthPath',
  'vaultSecretName',
  'vaultSecretPrefix',
  'kubeRole',
]);
const ofReplay = v.object({ ...withoutVault.entries, replaySink: v.unwrap(keys.replaySink) });

export type Config = Readonly<ReturnType<typeof shape>>;
/** The configuration of a process that never asks Vault. */
export type ConfigWithoutVault = Readonly<ReturnType<typeof shapeWithoutVault>>;
export type ReplayConfig = Readonly<ReturnType<typeof shapeOfReplay>>;

export interface ConfigSource {
  /** Text of the YAML file; absent if everything is in the environment. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** The process that is starting; a `mode` that names another one is a fault. */
  readonly process: VaultProcessName;
}
type AnySource = Omit<ConfigSource, 'process'>;
type VaultProcessName = Exclude<ProcessName, 'dead-letters' | 'replay'>;

/** Each process in a message, and its value of `mode`: the reference's words, which nothing else in the code knows. */
const PROCESSES: Readonly<Record<ProcessName, { readonly title: string; readonly mode?: string }>> = {
  admission: { title: 'admission function', mode: 'injector' },
  renewal: { title: 'renewal job', mode: 'renewer' },
  revocation: { title: 'revocation function', mode: 'revoker' },
  approle: { title: 'approle function', mode: 'approle' },
  'dead-letters': { title: 'dead letter sink' },
  replay: { title: 'replay job' },
};

/** @throws InjectorError `configuration_invalid` with one line per fault. */
export function parseConfig(source: ConfigSource): Config {
  return Object.freeze(shape(parse(schema, source, source.process)));
}

/** Same as `parseConfig`, for the dead letter sink. */
export function parseDeadLetterConfig(source: AnySource): ConfigWithoutVault {
  return Object.freeze(shapeWithoutVault(parse(withoutVault, source, 'dead-letters')));
}

/** Same as `parseConfig`, for the replay job. */
export function parseReplayConfig(source: AnySource): ReplayConfig {
  return Object.freeze(shapeOfReplay(parse(ofReplay, source, 'replay')));
}

type CommonValues = v.InferOutput<typeof withoutVault>;

interface Parsed<V extends CommonValues> {
  readonly values: V;
  readonly port: number;
  readonly shard: number;
}

function parse<V extends CommonValues>(
  of: v.GenericSchema<unknown, V>,
  { file, environment }: AnySource,
  process: ProcessName,
): Parsed<V> {
  const faults: string[] = [];
  const given = readGiven(file, environment, faults);
  const parsed = v.safeParse(of, given, { abortPipeEarly: true });
  for (const issue of parsed.issues ?? []) {
    const key = v.getDotPath(issue) ?? '';
    // Freezes the insides of lists and maps, too.
    const [name = ''] = key.split('.');
    faults.push(`${key}: ${name in given ? issue.message : `is missing (or set ${environmentName(key)})`}`);
  }
  if (parsed.success) faults.push(...contradictions(parsed.output, process));
  const shards = parsed.success ? parsed.output.sweepShards : 1;
  faults.push(...missing(process, given, environment, shards));
  const port = number('PORT', 8080, 65_535, environment, faults);
  const shard = number('JOB_COMPLETION_INDEX', 0, shards - 1, environment, faults);
  if (!parsed.success || faults.length > 0) {
    throw new InjectorError(
      'configuration_invalid',
      `the configuration is not valid:\n  ${faults.join('\n  ')}`,
    );
  }
  return { values: parsed.output, port, shard };
}

/** Keys that only some processes need, and only under some circumstances. */
function missing(
  process: ProcessName,
  given: Readonly<Record<string, unknown>>,
  environment: Environment,
  shards: number,
): string[] {
  const faults: string[] = [];
  const isOpen =
    given['webhookPathSecretFolder'] === undefined &&
    String(given['allowUnauthenticatedAdmission']) !== 'true';
  if (process === 'admission' && isOpen) {
    faults.push(
      'webhookPathSecretFolder: is missing; without it anyone who reaches the function can request credentials in any pod\'s name, which only "allowUnauthenticatedAdmission: true" allows',
    );
  }
  if (process === 'renewal' && shards > 1 && environment['JOB_COMPLETION_INDEX'] === undefined) {
    faults.push(
      'JOB_COMPLETION_INDEX: is missing, and sweepShards is more than 1: the Job has to be Indexed',
    );
  }
  return faults;
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

function contradictions(values: CommonValues, process: ProcessName): string[] {
  const faults = [...otherMode(values, process), ...tooShort(values)];
  if (values.sentry && !values.sentryDsn) faults.push('sentryDsn: is missing, and sentry is true');
  const pairs = [
    ['certFile', 'keyFile'],
    ['metricsCertFile', 'metricsKeyFile'],
    ['eventAudience', 'eventSubjects'],
  ] as const;
  for (const [one, other] of pairs)
    if (!values[one] !== !values[other]) faults.push(`${one}, ${other}: expected both or neither`);
  if (values.metricsCertFile && !values.metricsPort)
    faults.push('metricsPort: is missing, and metricsCertFile is set');
  if (values.metricsClientCaFile && !values.metricsCertFile)
    faults.push('metricsCertFile: is missing, and metricsClientCaFile is set');
  return faults;
}

function otherMode({ mode: found }: CommonValues, process: ProcessName): string[] {
  const { title, mode } = PROCESSES[process];
  if (!found || found === 'all' || found === mode) return [];
  return [`mode: found "${found}", but this process is the ${title}${mode ? ` (mode: ${mode})` : ''}`];
}

/** A token that expires between two sweeps revokes its credentials. */
function tooShort({ useProjectedSA, tokenTTL, syncTTLSecond }: CommonValues): string[] {
  // Vault says how long logins last.
  if (useProjectedSA || tokenTTL >= 2 * syncTTLSecond) return [];
  return [
    `tokenTTL: found ${tokenTTL} s, less than two sync intervals (syncTTLSecond: ${syncTTLSecond} s): tokens would end before they are renewed`,
  ];
}

function shape(parsed: Parsed<v.InferOutput<typeof schema>>) {
  const { values } = parsed;
  return {
    ...shapeWithoutVault(parsed),
    vault: Object.freeze({
      address: values.vaultAddress,
      /** Hosts that an answer of Vault may redirect to, beside that of the address. */
      redirectHosts: Object.freeze(values.vaultRedirectHosts ?? []),
      namespace: values.vaultNamespace,
      caFile: values.vaultCaFile,
      authPath: values.vaultAuthPath,
      kubeRole: values.kubeRole,
      serviceAccountTokenFile: values.serviceAccountTokenFile,
      ledgerMount: values.vaultSecretName,
      ledgerPrefix: values.vaultSecretPrefix,
      defaultEngine: values.defaultEngine,
      /** Requests per second; absent: unlimited on our side. */
      rateLimit: values.vaultRateLimit,
      clusterId: values.clusterId,
      /** Maximum per namespace; absent: unlimited. */
      maxGrantsPerRole: values.maxGrantsPerRole,
    }),
    appRole: Object.freeze({
      /** Mount of the auth method. */
      path: values.appRolePath,
      wrapTtlSeconds: Math.ceil(values.appRoleWrapTTL),
      /** Names and patterns; absent: any namespace. */
      namespaces: values.appRoleNamespaces,
      /** Which pods may use which AppRole; absent: any pod may use any. */
      roles: values.appRoleMap,
      bindAddress: values.appRoleBindAddress,
      /** Where pods' addresses come from; absent: any range that pods may have. */
      podCidrs: values.appRolePodCidrs,
    }),
  };
}

function shapeOfReplay(parsed: Parsed<v.InferOutput<typeof ofReplay>>) {
  const { replaySink: url, replaySinkTokenFile: tokenFile } = parsed.values;
  return { ...shapeWithoutVault(parsed), sink: Object.freeze({ url, tokenFile }) };
}

function shapeWithoutVault({ values, port, shard }: Parsed<CommonValues>) {
  return {
    port,
    /** Absent: all interfaces, as a container needs it. */
    host: values.listenAddress,
    tokenPeriodSeconds: values.tokenTTL,
    /** Absent: the injector creates the pods' tokens itself. */
    projectedServiceAccount: values.useProjectedSA
      ? Object.freeze({
          audience: values.projectedSAAudience,
          expirationSeconds: values.projectedSAExpirationSecond,
        })
      : undefined,
    /** What new records refer to their tokens by. */
    tokenReference: values.tokenReference,
    syncIntervalSeconds: values.syncTTLSecond,
    clusterId: values.clusterId,
    gracePeriodSeconds: values.gracePeriodSecond,
    maxRevokeFraction: values.maxRevokeFraction,
    onMaxTtl: values.onMaxTtl,
    onLost: values.onLost,
    /** This process' shard of the ledger, and the number of shards. */
    shard,
    shards: values.sweepShards,
    metrics: Object.freeze({
      uuidLabel: values.metricsUuidLabel,
      pushUrl: values.metricsPushUrl,
      /** Absent: served on the main port. */
      port: values.metricsPort,
      tls: tlsFiles(values.metricsCertFile, values.metricsKeyFile),
      clientCaFile: values.metricsClientCaFile,
    }),
    /** Defaults for pods that set nothing. */
    podDefaults: Object.freeze({
      engine: values.defaultEngine,
      delivery: values.delivery,
      podsMayChooseDelivery: values.podsMayChooseDelivery,
    }),
    injectorLabel: values.injectorLabel,
    webhookPath: Object.freeze({
      folder: values.webhookPathSecretFolder,
      open: values.allowUnauthenticatedAdmission,
    }),
    /** Who may send events, and which audience their tokens must have; absent: anyone who reaches the function. */
    senders:
      values.eventAudience && values.eventSubjects
        ? Object.freeze({ audience: values.eventAudience, subjects: values.eventSubjects })
        : undefined,
    sweepSchedule: values.sweepSchedule,
    logLevel: values.logLevel,
    /** Absent: no error reports. */
    sentry:
      values.sentry && values.sentryDsn
        ? Object.freeze({
            dsn: values.sentryDsn,
            environment: values.sentryEnvironment,
            sampleRate: values.sentrySampleRate,
          })
        : undefined,
    tls: tlsFiles(values.certFile, values.keyFile),
  };
}

function tlsFiles(certFile: string | undefined, keyFile: string | undefined) {
  return certFile && keyFile ? Object.freeze({ certFile, keyFile }) : undefined;
}
