/** How Vault makes a temporary role and how it ends one (reference: postgresql-roles-with-vault, "Vault"). */
import { vaultIdentifier, vaultLiteral } from './quoting.ts';

/** Who owns what a temporary role makes becomes the group: by the event trigger, or since the role acts as the group. */
export type Ownership = 'trigger' | 'set-role';

export function creationStatements(group: string, ownership: Ownership): string[] {
  const of = vaultIdentifier(group);
  return [
    `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE ${of};`,
    ...(ownership === 'set-role' ? [`ALTER ROLE "{{name}}" SET ROLE ${of};`] : []),
  ];
}

/** Of Vault's own login; the name would otherwise stand in its statement as it is. */
export const rotationStatements = (administrator: string): string[] => [
  `ALTER ROLE ${vaultIdentifier(administrator)} WITH PASSWORD '{{password}}';`,
];

/**
 * One statement, so that all of it happens or nothing does. Sessions end first: an open transaction would keep its locks,
 * and a session its rights. The administrator made the role but has no rights of it (PostgreSQL 16) until it grants them
 * to itself. A role that somebody has dropped is no failure: Vault would try for ever. ("END" between spaces tells Vault
 * not to take it apart at its semicolons.)
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
