/** The configuration keys: what each one is, in the file and in the environment, and its default. */
import { isIP } from 'node:net';
import * as v from 'valibot';
import { parseDuration } from './duration.ts';
import { MOST_SHARDS } from './numbers.ts';

const text = v.pipe(
  v.string('expected a string'),
  v.trim(),
  v.nonEmpty('expected a string that is not empty'),
);
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
const whole = (most: number) =>
  v.pipe(
    v.union(
      [v.number(), v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number))],
      'expected a whole number',
    ),
    v.integer('expected a whole number'),
    v.minValue(1, 'expected at least 1'),
    v.maxValue(most, `expected at most ${most}`),
  );
const YEAR_SECONDS = 366 * 86_400;
const fraction = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.decimal(), v.transform(Number))], 'expected a number'),
  v.minValue(0, 'expected a number between 0 and 1'),
  v.maxValue(1, 'expected a number between 0 and 1'),
);
const duration = v.pipe(
  text,
  v.transform((value) => (parseDuration(value) ?? 0) / 1_000),
  v.minValue(1, 'expected a duration of at least a second, such as "768h" or "1h30m"'),
  v.maxValue(10 * YEAR_SECONDS, 'expected a duration of at most ten years (87840h)'),
);
const httpUrl = v.pipe(
  text,
  v.url('expected a URL'),
  v.regex(/^https?:\/\//, 'expected http:// or https://'),
);
// Mounts and prefixes become parts of Vault's paths, so they must not leave the path.
const vaultPath = v.pipe(
  text,
  v.regex(
    /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/,
    'expected a path of letters, digits, "_", "-", "." and inner "/"',
  ),
);
const commaList = v.pipe(
  text,
  v.transform((value) => value.split(',').map((item) => item.trim())),
  v.array(v.pipe(v.string(), v.nonEmpty('expected names with a comma between them'))),
);

/** A host as it stands in a URL, with or without a port. */
const isHost = (text: string): boolean => {
  const url = URL.parse(`https://${text}`);
  return url !== null && url.username === '' && url.href === `https://${url.host}/` && text !== '';
};
const isCidr = (text: string): boolean => {
  const [address = '', prefix = '', ...more] = text.split('/');
  const version = isIP(address);
  const most = version === 6 ? 128 : 32;
  return version !== 0 && more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= most;
};
const names = v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.minLength(1));
const appRoles = v.record(v.string(), v.strictObject({ namespaces: names, serviceAccounts: names }));

export const keys = {
  vaultAddress: httpUrl,
  vaultAuthPath: vaultPath,
  vaultRedirectHosts: v.optional(
    v.pipe(
      commaList,
      v.array(v.pipe(v.string(), v.check(isHost, 'expected hosts, such as vault-0.vault:8200'))),
    ),
  ),
  vaultNamespace: v.optional(vaultPath),
  vaultCaFile: v.optional(text),
  vaultSecretName: vaultPath,
  vaultSecretPrefix: vaultPath,
  kubeRole: text,
  serviceAccountTokenFile: v.optional(text, '/var/run/secrets/kubernetes.io/serviceaccount/token'),
  tokenTTL: v.optional(duration, '768h'),
  useProjectedSA: v.optional(flag, false),
  projectedSAAudience: v.optional(text, 'vault'),
  projectedSAExpirationSecond: v.optional(
    v.pipe(whole(YEAR_SECONDS), v.minValue(600, 'expected at least 600')),
    600,
  ),
  tokenReference: v.optional(v.picklist(['token', 'accessor'], 'expected token or accessor'), 'token'),
  syncTTLSecond: v.optional(whole(YEAR_SECONDS), 300),
  defaultEngine: v.optional(vaultPath, 'databases'),
  delivery: v.optional(v.picklist(['env', 'secret'], 'expected env or secret'), 'env'),
  podsMayChooseDelivery: v.optional(flag, false),
  injectorLabel: v.optional(text, 'vault-db-injector'),
  mode: v.optional(
    v.picklist(
      ['injector', 'renewer', 'revoker', 'approle', 'all'],
      'expected injector, renewer, revoker, approle or all',
    ),
  ),
  logLevel: v.optional(
    v.picklist(['debug', 'info', 'warn', 'error'], 'expected debug, info, warn or error'),
    'info',
  ),
  sentry: v.optional(flag, false),
  sentryDsn: v.optional(httpUrl),
  sentryEnvironment: v.optional(text),
  sentrySampleRate: v.optional(fraction, 1),
  certFile: v.optional(text),
  keyFile: v.optional(text),
  clusterId: v.optional(
    v.pipe(text, v.regex(/^[\w.-]{1,128}$/, 'expected letters, digits, "_", "-" and "."')),
  ),
  // The API server gives a creation 34 s, webhooks included; clocks need not agree any better than that.
  gracePeriodSecond: v.optional(
    v.pipe(
      whole(YEAR_SECONDS),
      v.minValue(60, 'expected at least 60: a pod may be in admission for so long'),
    ),
    120,
  ),
  maxRevokeFraction: v.optional(fraction, 0.5),
  onMaxTtl: v.optional(v.picklist(['report', 'evict'], 'expected report or evict'), 'report'),
  onLost: v.optional(v.picklist(['report', 'evict'], 'expected report or evict'), 'report'),
  maxGrantsPerRole: v.optional(whole(1_000_000)),
  sweepShards: v.optional(whole(MOST_SHARDS), 1),
  vaultRateLimit: v.optional(whole(1_000_000)),
  metricsUuidLabel: v.optional(flag, false),
  metricsPushUrl: v.optional(httpUrl),
  metricsPort: v.optional(whole(65_535)),
  metricsCertFile: v.optional(text),
  metricsKeyFile: v.optional(text),
  metricsClientCaFile: v.optional(text),
  listenAddress: v.optional(v.pipe(text, v.ip('expected an IP address'))),
  webhookPathSecretFolder: v.optional(text),
  allowUnauthenticatedAdmission: v.optional(flag, false),
  eventAudience: v.optional(text),
  eventSubjects: v.optional(commaList),
  sweepSchedule: v.optional(text),
  replaySink: v.optional(httpUrl),
  replaySinkTokenFile: v.optional(text),
  appRolePath: v.optional(vaultPath, 'approle'),
  appRoleWrapTTL: v.optional(duration, '60s'),
  appRoleNamespaces: v.optional(commaList),
  appRoleMap: v.optional(
    v.union(
      [appRoles, v.pipe(v.string(), v.parseJson(), appRoles)],
      'expected, for each AppRole, "namespaces" and "serviceAccounts": lists of names, or of patterns with "*"',
    ),
  ),
  appRoleBindAddress: v.optional(flag, true),
  appRolePodCidrs: v.optional(
    v.pipe(commaList, v.array(v.pipe(v.string(), v.check(isCidr, 'expected CIDRs such as 10.0.0.0/8')))),
  ),
};

/** Names of all keys, as written in a configuration file. */
export const CONFIGURATION_KEYS: readonly string[] = Object.keys(keys);

/** The key's name in the environment: `syncTTLSecond` is `INJECTOR_SYNC_TTL_SECOND`. */
export function environmentName(key: string): string {
  const words = key.replace(/([a-z\d])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2');
  return `INJECTOR_${words.toUpperCase()}`;
}
