import * as v from 'valibot';
import { Misuse } from '../refusal.ts';

const MOST_BYTES = 63;

/** Of a database, role or schema. A longer one PostgreSQL would cut off, so that it named another. */
export const postgresName = v.pipe(
  v.string(),
  v.nonEmpty('expected a name that is not empty'),
  v.regex(/^\P{Cc}*$/u, 'expected a name without control characters'),
  v.check(
    (name) => name.isWellFormed() && Buffer.byteLength(name) <= MOST_BYTES,
    `expected a name of at most ${MOST_BYTES} bytes`,
  ),
);

// As Vault itself allows them in its paths, and pods in their annotations.
const VAULT_NAME = /^\w(?:[\w.-]{0,126}\w)?$/;
const VAULT_MOUNT = /^(?!(?:sys|auth|identity|cubbyhole)(?:\/|$))[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;
export const vaultName = v.pipe(
  v.string(),
  v.regex(VAULT_NAME, 'expected letters, digits, "_", "-" and ".", as Vault allows in names'),
);
export const vaultMount = v.pipe(v.string(), v.regex(VAULT_MOUNT, 'expected a mount, such as "databases"'));

/** A database's name as one of Vault's: what Vault does not allow is left out. */
export function asVaultName(name: string, option: string): string {
  const made = name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+|[.-]+$/g, '');
  if (VAULT_NAME.test(made)) return made;
  throw new Misuse(`No name of Vault's can be made of '${name}': say ${option} NAME`);
}

/** @throws Misuse that names the option. */
export function checkedName(name: string, option: string): string {
  const parsed = v.safeParse(postgresName, name);
  if (parsed.success) return parsed.output;
  throw new Misuse(`${option}: ${parsed.issues[0].message}`);
}

/** Of whoever Vault logs in as. @throws Misuse */
export function checkedAdministrator(name: string): string {
  if (!/\{\{(?:username|password)\}\}/.test(name)) return checkedName(name, '--administrator');
  throw new Misuse(
    "--administrator: Vault's logins may have neither {{username}} nor {{password}} in their names",
  );
}
