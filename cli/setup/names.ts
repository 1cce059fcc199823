/** Names and durations in options: what PostgreSQL and Vault take. */
import { InvalidArgumentError } from '@commander-js/extra-typings';
import { parseDuration } from '../../shared/duration.ts';
import { matching } from '../command.ts';
import { Misuse } from '../refusal.ts';

const MOST_BYTES = 63;

/** Name of a database, role or schema. PostgreSQL truncates longer ones, which could then name another object. */
export function postgresName(name: string): string {
  if (name === '') throw new InvalidArgumentError('Expected a name that is not empty.');
  if (/\p{Cc}/u.test(name)) throw new InvalidArgumentError('Expected a name without control characters.');
  if (!name.isWellFormed() || Buffer.byteLength(name) > MOST_BYTES)
    throw new InvalidArgumentError(`Expected a name of at most ${MOST_BYTES} bytes.`);
  return name;
}

// The names that Vault allows in its paths, and pods in their annotations.
const VAULT_NAME = /^\w(?:[\w.-]{0,126}\w)?$/;
export const vaultName = matching(VAULT_NAME, 'letters, digits, "_", "-" and ".", as Vault allows in names');
export const vaultMount = matching(
  /^(?!(?:sys|auth|identity|cubbyhole)(?:\/|$))[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/,
  'a mount, such as "databases"',
);

/** Seconds, as Vault takes them. */
export function duration(value: string): string {
  const ms = parseDuration(value);
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration such as 1h or 90m.');
  return `${Math.round(ms / 1_000)}s`;
}

/** A database's name as a Vault name: characters that Vault does not allow are dropped. */
export function asVaultName(name: string, option: string): string {
  const made = name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+|[.-]+$/g, '');
  if (VAULT_NAME.test(made)) return made;
  throw new Misuse(`'${name}' cannot be turned into a Vault name: use ${option} NAME`);
}

/** A name that follows from others. @throws Misuse that names the option. */
export function checkedName(name: string, option: string): string {
  try {
    return postgresName(name);
  } catch (error) {
    throw new Misuse(`${option}: ${error instanceof Error ? error.message : 'invalid'}`);
  }
}

/** Name of Vault's own database user. @throws Misuse */
export function checkedAdministrator(name: string): string {
  if (!/\{\{(?:username|password)\}\}/.test(name)) return checkedName(name, '--administrator');
  throw new Misuse(
    "--administrator: Vault's logins may have neither {{username}} nor {{password}} in their names",
  );
}
