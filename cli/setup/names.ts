import * as v from 'valibot';
import { Misuse } from '../refusal.ts';

const MOST_BYTES = 63;

/** Name of a database, role or schema. PostgreSQL truncates longer ones, which could then name another object. */
export const postgresName = v.pipe(
  v.string(),
  v.nonEmpty('expected a name that is not empty'),
  v.regex(/^\P{Cc}*$/u, 'expected a name without control characters'),
  v.check(
    (name) => name.isWellFormed() && Buffer.byteLength(name) <= MOST_BYTES,
    `expected a name of at most ${MOST_BYTES} bytes`,
  ),
);

// The names that Vault allows in its paths, and pods in their annotations.
const VAULT_NAME = /^\w(?:[\w.-]{0,126}\w)?$/;
const VAULT_MOUNT = /^(?!(?:sys|auth|identity|cubbyhole)(?:\/|$))[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;
export const vaultName = v.pipe(
  v.string(),
  v.regex(VAULT_NAME, 'expected letters, digits, "_", "-" and ".", as Vault allows in names'),
);
export const vaultMount = v.pipe(v.string(), v.regex(VAULT_MOUNT, 'expected a mount, such as "databases"'));

/** A database's name as a Vault name: characters that Vault does not allow are dropped. */
export function asVaultName(name: string, option: string): string {
  const made = name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+|[.-]+$/g, '');
  if (VAULT_NAME.test(made)) return made;
  throw new Misuse(`'${name}' cannot be turned into a Vault name: use ${option} NAME`);
}

/** @throws Misuse that names the option. */
export function checkedName(name: string, option: string): string {
  const parsed = v.safeParse(postgresName, name);
  if (parsed.success) return parsed.output;
  throw new Misuse(`${option}: ${parsed.issues[0].message}`);
}

/** Name of Vault's own database user. @throws Misuse */
export function checkedAdministrator(name: string): string {
  if (!/\{\{(?:username|password)\}\}/.test(name)) return checkedName(name, '--administrator');
  throw new Misuse(
    "--administrator: Vault's logins may have neither {{username}} nor {{password}} in their names",
  );
}
