/**
 * Quotes arbitrary names for other languages: a database's name is data, whatever it contains. A name has no control
 * characters and fits PostgreSQL's 63 bytes (see names.ts); nothing else is assumed.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';

const OF_NO_MEANING = /^[\w .-]*$/;

/**
 * Literals in statements that Vault fills in and splits: `{{…}}` would be filled in, `;` would end the statement. So
 * these characters are written by number (https://www.postgresql.org/docs/current/sql-syntax-lexical.html, 4.1.2.3).
 */
export const vaultIdentifier = (name: string): string =>
  OF_NO_MEANING.test(name) ? escapeIdentifier(name) : `U&"${byNumber(name)}"`;

export const vaultLiteral = (text: string): string =>
  OF_NO_MEANING.test(text) ? escapeLiteral(text) : `U&'${byNumber(text)}'`;

function byNumber(text: string): string {
  return text.replace(
    /[^\w .-]/gu,
    (character) => `\\+${(character.codePointAt(0) ?? 0).toString(16).padStart(6, '0')}`,
  );
}

/**
 * The argument of psql's `\connect`: a connection string, since a bare name may be taken for one. psql removes double
 * quotes as in an identifier, except those doubled between two others.
 */
export function psqlConnection(database: string): string {
  const value = `dbname='${database.replace(/[\\']/g, String.raw`\$&`)}'`;
  return `'${value.replaceAll('"', '""""').replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** The path of a database URL, as PostgreSQL's drivers read it. */
export function databasePath(database: string): string {
  // Encodes also what encodeURIComponent leaves: Kubernetes expands "$(NAME)" in a variable.
  const encoded = encodeURIComponent(database).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  // Drivers drop all leading slashes, so one that belongs to the name has to be passed differently.
  return database.startsWith('/') ? `/?dbname=${encoded}` : `/${encoded}`;
}
