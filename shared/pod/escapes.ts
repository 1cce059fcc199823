/**
 * How a user name or a password is written in the syntaxes that applications read. A value that a syntax cannot hold
 * has no form in it: the pod is denied then, instead of failing at its first login.
 */

interface Escape {
  /** The value as text between the syntax's quotes, if it has any; `undefined` if it cannot hold the value. */
  readonly write: (value: string) => string | undefined;
  /** Added around the value unless the template has quotes there. */
  readonly quote?: '"' | "'";
}

export const ESCAPES = {
  /** RFC 3986, 2.1: all but unreserved characters, so that the value fits into every part of a URI. */
  uri: { write: percentEncode },
  /** https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE */
  libpq: { write: (value) => withBackslashes(value, /[\\']/g), quote: "'" },
  /** RFC 8259, 7; a double-quoted string of YAML 1.2 is the same. */
  json: { write: (value) => JSON.stringify(value).slice(1, -1), quote: '"' },
  /** https://www.postgresql.org/docs/current/libpq-pgpass.html */
  pgpass: { write: (value) => oneLine(withBackslashes(value, /[\\:]/g)) },
  /** libpq reads a line to its end, without quotes, and trims it (fe-connect.c, parseServiceFile). */
  pgservice: { write: (value) => (value === value.trim() ? oneLine(value) : undefined) },
  /** https://mariadb.com/kb/en/configuring-mariadb-with-option-files/#options */
  mycnf: { write: (value) => oneLine(withBackslashes(value, /[\\"]/g)), quote: '"' },
  /** https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/Properties.html#load(java.io.Reader) */
  properties: { write: javaProperty },
  /** https://learn.microsoft.com/en-us/dotnet/api/system.data.common.dbconnectionstringbuilder */
  dotnet: { write: (value) => value.replaceAll('"', '""'), quote: '"' },
  /** POSIX shell, 2.2.2: nothing is special between single quotes. */
  shell: { write: (value) => value.replaceAll("'", "'\\''"), quote: "'" },
  raw: { write: (value) => value },
} as const satisfies Readonly<Record<string, Escape>>;

export type EscapeName = keyof typeof ESCAPES;

export const isEscape = (name: string): name is EscapeName => Object.hasOwn(ESCAPES, name);

/**
 * @param hasQuotes whether the template has the syntax's quotes around the placeholder.
 * @returns `undefined` if the syntax cannot hold the value.
 */
export function escaped(value: string, name: EscapeName, hasQuotes: boolean): string | undefined {
  const text = ESCAPES[name].write(value);
  const quote = hasQuotes ? '' : quoteOf(name);
  return text === undefined ? undefined : `${quote}${text}${quote}`;
}

/** The quotes that an escape needs; empty if none. */
export const quoteOf = (name: EscapeName): string => {
  const { quote }: Escape = ESCAPES[name];
  return quote ?? '';
};

/** Whether the value has only characters that none of the syntaxes treats specially. */
export const isPlain = (value: string): boolean => /^[\w.~-]*$/.test(value);

export function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function withBackslashes(value: string, characters: RegExp): string {
  return value.replace(characters, (character) => `\\${character}`);
}

const oneLine = (text: string) => (/[\r\n]/.test(text) ? undefined : text);

function javaProperty(value: string): string {
  return value
    .replace(/[\\#!=: ]/g, (character) => `\\${character}`)
    .replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
