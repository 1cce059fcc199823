/** The pod author's settings, from the init container's environment: kubernetes-vault's names, and three of ours. */
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { parseDuration } from '../../shared/duration.ts';
import { InjectorError } from '../../shared/errors.ts';

const FOLDER = '/var/run/secrets/boostport.com';
const TOKEN = 'vault-token';

const text = v.pipe(v.string(), v.trim(), v.nonEmpty('is empty'));
const path = v.pipe(text, v.startsWith('/', 'expected an absolute path'));
const Environment = v.object({
  VAULT_ROLE_ID: v.optional(
    v.pipe(v.string(), v.trim(), v.nonEmpty('is missing: the role_id of the AppRole')),
    '',
  ),
  TOKEN_PATH: v.optional(path),
  CREDENTIALS_PATH: v.optional(path),
  TIMEOUT: v.optional(
    v.pipe(
      text,
      v.transform((given) => parseDuration(given) ?? 0),
      v.minValue(1_000, 'expected a duration of at least a second, such as "5m"'),
      // Longest delay of a timer.
      v.maxValue(2 ** 31 - 1, 'expected at most 24 days'),
    ),
    '5m',
  ),
  LOG_LEVEL: v.optional(
    v.pipe(
      text,
      v.toLowerCase(),
      v.picklist(['debug', 'info', 'warn', 'error'], 'expected debug, info, warn or error'),
    ),
    'info',
  ),
  VAULT_ADDR: v.optional(v.pipe(text, v.url('expected a URL'))),
  APPROLE_PATH: v.optional(
    v.pipe(text, v.regex(/^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/, 'expected a mount, without "auth/"')),
    'approle',
  ),
  LISTEN_ADDRESS: v.optional(
    v.pipe(
      text,
      v.check((given) => isIP(given) !== 0, 'expected an IP address'),
    ),
  ),
});

export type Settings = ReturnType<typeof readSettings>;

/** @throws InjectorError `configuration_invalid` with every fault. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>) {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = v.safeParse(Environment, given, { abortPipeEarly: true });
  if (!parsed.success) {
    const faults = parsed.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`);
    throw new InjectorError('configuration_invalid', `the environment is invalid: ${faults.join('; ')}`);
  }
  const { TOKEN_PATH, CREDENTIALS_PATH, ...values } = parsed.output;
  const tokenFile = TOKEN_PATH ?? join(CREDENTIALS_PATH ?? FOLDER, TOKEN);
  return {
    roleId: values.VAULT_ROLE_ID,
    tokenFile,
    caFile: join(CREDENTIALS_PATH ?? dirname(tokenFile), 'ca.crt'),
    timeoutMs: values.TIMEOUT,
    logLevel: values.LOG_LEVEL,
    /** The only Vault address that this pod accepts; absent: whichever is sent. */
    vaultAddress: values.VAULT_ADDR,
    /** Mount of the AppRole auth method. */
    mount: values.APPROLE_PATH,
    /**
     * Local addresses of a pod that has several: where to listen, and where to send to Vault from. Absent: all of
     * them.
     */
    address: values.LISTEN_ADDRESS,
  };
}
