/** `setup app`: its options, and what follows from them. */
import * as v from 'valibot';
import { readArguments } from '../options.ts';
import { Misuse } from '../refusal.ts';
import { asVaultName, vaultMount, vaultName } from './names.ts';
import { COMMON_OPTIONS, COMMON_USAGE } from './options.ts';

const NAME = 'npx vault-db-injector setup app';
export const APP_USAGE = `${NAME} [options]

  --namespace NS       namespace of the application's pods
  --service-account SA service account of the application's pods
  --role NAME          database role whose credentials they may have
  --name NAME          name of policy and auth role (default: NS-SA)
  --database NAME      name of the database in annotations (default: that of --role)
  --mount PATH         mount of Vault's database engine (default: databases)
  --auth-path PATH     mount of Vault's Kubernetes auth method (default: kubernetes)
${COMMON_USAGE}`;

const kubernetesName = (what: string) =>
  v.optional(
    v.pipe(v.string(), v.regex(/^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/, `expected a ${what}'s name`)),
  );

const ENTRIES = {
  ...COMMON_OPTIONS,
  namespace: kubernetesName('namespace'),
  'service-account': kubernetesName('service account'),
  role: v.optional(vaultName),
  name: v.optional(vaultName),
  database: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-zA-Z\d](?:[\w.-]{0,40}[a-zA-Z\d])?$/, 'expected a name fit for an annotation'),
    ),
  ),
  'auth-path': v.optional(vaultMount, 'kubernetes'),
};

export interface AppSettings {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly role: string;
  /** Name of policy and auth role. */
  readonly name: string;
  /** Name in the pod's annotations. */
  readonly database: string;
  readonly mount: string;
  readonly authPath: string;
}

/** @throws Misuse that lists everything missing. */
export function readAppWishes(args: readonly string[]) {
  const options = readArguments(NAME, ENTRIES, args);
  const { namespace, role, mount } = options;
  const serviceAccount = options['service-account'];
  const given = { namespace, 'service-account': serviceAccount, role };
  const missing = Object.entries(given).filter(([, value]) => value === undefined);
  if (options.output === 'sql') throw new Misuse('--output sql: not available, since everything is in Vault');
  if (namespace === undefined || serviceAccount === undefined || role === undefined)
    throw new Misuse(`${missing.map(([name]) => `--${name}: is required`).join('\n')}\nSee: ${NAME} --help`);
  const settings: AppSettings = {
    namespace,
    serviceAccount,
    role,
    name: options.name ?? asVaultName(`${namespace}-${serviceAccount}`, '--name'),
    database:
      options.database ??
      (role
        .replace(/[^\w.-]/g, '-')
        .slice(0, 40)
        .replace(/^[\W_]+|[\W_]+$/g, '') ||
        'database'),
    mount,
    authPath: options['auth-path'],
  };
  return { options, settings };
}
