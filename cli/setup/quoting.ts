/**
 * Names of people's choice in languages that are not theirs: whatever a database is called, it is just a name.
 * A name has no control characters and fits PostgreSQL's 63 bytes (see names.ts); nothing else is asked of it.
 */

/** https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** With E'' where a backslash is in it: so it is the same, whatever standard_conforming_strings says. */
export const literal = (text: string): string =>
  text.includes('\\')
    ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`;

const OF_NO_MEANING = /^[\w .-]*$/;

/**
 * In statements that Vault fills in and takes apart: `{{…}}` would be filled in, `;` would end the statement. There such
 * characters stand by their number (https://www.postgresql.org/docs/current/sql-syntax-lexical.html, 4.1.2.3).
 */
export const vaultIdentifier = (name: string): string =>
  OF_NO_MEANING.test(name) ? identifier(name) : `U&"${byNumber(name)}"`;

export const vaultLiteral = (text: string): string =>
  OF_NO_MEANING.test(text) ? literal(text) : `U&'${byNumber(text)}'`;

function byNumber(text: string): string {
  return text.replace(
    /[^\w .-]/gu,
    (character) => `\\+${(character.codePointAt(0) ?? 0).toString(16).padStart(6, '0')}`,
  );
}

/** For a POSIX shell. */
export const shellWord = (text: string): string =>
  /^[\w./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** https://developer.hashicorp.com/terraform/language/expressions/strings */
export const terraformString = (text: string): string => withoutTemplates(JSON.stringify(text));

/** In a string or heredoc of Terraform's. */
export const withoutTemplates = (text: string): string => text.replace(/([$%])\{/g, '$1$1{');

/**
 * What stands behind psql's `\connect`: a connection string, since a name alone may be taken for one. psql takes double
 * quotes out of it, as of an identifier, but for those that are doubled between two others.
 */
export function psqlConnection(database: string): string {
  const value = `dbname='${database.replace(/[\\']/g, String.raw`\$&`)}'`;
  return `'${value.replaceAll('"', '""""').replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** The part of a URL behind the server, as PostgreSQL's drivers read it. */
export function databasePath(database: string): string {
  // Also what it would leave as it is: Kubernetes puts something else in place of "$(NAME)" in a variable.
  const encoded = encodeURIComponent(database).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  // They drop every slash at its beginning, so one that belongs to the name has to stand elsewhere.
  return database.startsWith('/') ? `/?dbname=${encoded}` : `/${encoded}`;
}
