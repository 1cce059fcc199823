/** How Vault creates a temporary role and drops it (reference: postgresql-roles-with-vault, "Vault"). */
import { vaultIdentifier, vaultLiteral } from './quoting.ts';

/** How objects of a temporary role become the group's: by the event trigger, or because the role acts as the group. */
export type Ownership = 'trigger' | 'set-role';

export function creationStatements(group: string, ownership: Ownership): string[] {
  const of = vaultIdentifier(group);
  return [
    `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE ${of};`,
    ...(ownership === 'set-role' ? [`ALTER ROLE "{{name}}" SET ROLE ${of};`] : []),
  ];
}

/** Name of Vault's own user; a placeholder would appear in its statement unchanged. */
export const rotationStatements = (administrator: string): string[] => [
  `ALTER ROLE ${vaultIdentifier(administrator)} WITH PASSWORD '{{password}}';`,
];

/**
 * One statement, so that it is atomic. Sessions end first: an open transaction would keep its locks, and a session
 * its rights. The administrator created the role but has none of its rights (PostgreSQL 16) until it grants them to
 * itself. An already dropped role is not a failure: Vault would retry for ever. ("END" between spaces tells Vault not
 * to split it at its semicolons.)
 */
export const revocationStatements = (group: string): string[] => [
  `DO $revocation$
DECLARE
  temporary name := '{{name}}';
  heir name := ${vaultLiteral(group)};
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = temporary) THEN RETURN; END IF;
  EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER', temporary);
  PERFORM pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE usename = temporary;
  EXECUTE pg_catalog.format('REASSIGN OWNED BY %I TO %I', temporary, heir);
  EXECUTE pg_catalog.format('DROP OWNED BY %I', temporary);
  -- Whoever reconnected meanwhile.
  PERFORM pg_catalog.pg_stat_clear_snapshot();
  PERFORM pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE usename = temporary;
  EXECUTE pg_catalog.format('DROP ROLE %I', temporary);
END $revocation$`,
];
