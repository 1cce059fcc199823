/** Text with placeholders for what belongs to a lease: `{{user}}`, or `{{password|libpq}}` with an escape. */
import { InjectorError } from '../errors.ts';
import { printable, type Secret } from '../secret.ts';
import { ESCAPES, type EscapeName, escaped, isEscape, isPlain, quoteOf } from './escapes.ts';

/** What a template may show, by the names of its placeholders. */
export interface LeaseFacts {
  readonly user: string;
  readonly password: Secret;
  readonly lease_id: string;
  /** RFC 3339; the end at the time of issue. */
  readonly lease_end: string;
  readonly lease_seconds: string;
  readonly database: string;
  readonly mount: string;
  readonly role: string;
}

const PLACEHOLDERS = [
  'user',
  'password',
  'lease_id',
  'lease_end',
  'lease_seconds',
  'database',
  'mount',
  'role',
] as const satisfies readonly (keyof LeaseFacts)[];
type PlaceholderName = (typeof PLACEHOLDERS)[number];

interface Placeholder {
  readonly name: PlaceholderName;
  /** `undefined`: only values that need no escape. */
  readonly syntax: EscapeName | undefined;
  /** Whether the text around it already has the quotes of its escape. */
  readonly hasQuotes: boolean;
}

/** Parts in the order of the text. */
export type Template = readonly (string | Placeholder)[];

// Neither alternative can match what the other one begins with, so matching is linear.
const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;
const URI_BEFORE = /^(?:[a-z][a-z\d+.-]*:){1,3}\/\/[^\s;]*$/i;
const PASSWORD_OR_USER: ReadonlySet<string> = new Set(['user', 'password']);

export const hasPlaceholder = (text: string): boolean => text.includes('{{');

/** A single placeholder. */
export function templateOf(name: PlaceholderName, syntax: EscapeName = 'raw'): Template {
  return [{ name, syntax, hasQuotes: false }];
}

/** @returns the template, or what is expected instead. */
export function parseTemplate(text: string): { readonly template: Template } | { readonly expected: string } {
  const parts: (string | Placeholder)[] = [];
  let end = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    const before = text.slice(end, match.index);
    if (before !== '') parts.push(before);
    end = match.index + match[0].length;
    const found = placeholderIn(match[1] ?? '', text.slice(0, match.index), text.slice(end));
    if (typeof found === 'string') return { expected: found };
    parts.push(found);
  }
  const rest = text.slice(end);
  if (rest !== '') parts.push(rest);
  if (parts.some((part) => typeof part === 'string' && part.includes('{{')))
    return { expected: 'a "}}" after each "{{", and nothing but a name and an escape between them' };
  if (!parts.some((part) => typeof part !== 'string'))
    return { expected: 'a text with {{user}} and {{password}} in it' };
  return { template: parts };
}

function placeholderIn(inside: string, before: string, after: string): Placeholder | string {
  const [name = '', filter, ...more] = inside.split('|').map((word) => word.trim());
  const known = PLACEHOLDERS.find((one) => one === name);
  if (known === undefined) return `one of ${PLACEHOLDERS.map((one) => `{{${one}}}`).join(', ')}`;
  if (filter === undefined) {
    // Whatever follows the "//" of a URI is percent-encoded; semicolons begin another syntax (JDBC for SQL Server).
    const syntax = URI_BEFORE.test(before) ? 'uri' : PASSWORD_OR_USER.has(known) ? undefined : 'raw';
    return { name: known, syntax, hasQuotes: false };
  }
  if (more.length > 0 || !isEscape(filter))
    return `one of the escapes ${Object.keys(ESCAPES).join(', ')} after "${known}|"`;
  const quote = quoteOf(filter);
  const hasQuotes = quote !== '' && before.endsWith(quote) && after.startsWith(quote);
  return { name: known, syntax: filter, hasQuotes };
}

/**
 * @param inPod whether Kubernetes expands `$(NAME)` in the text, as it does in a pod's variables, but not in a Secret.
 * @throws InjectorError `annotations_invalid` if the syntax cannot hold a value; it does not show the value.
 */
export function fill(template: Template, facts: LeaseFacts, inPod: boolean): string {
  return template
    .map((part, index) => {
      if (typeof part === 'string')
        return inPod && typeof template[index + 1] === 'object' ? withoutOpenDollar(part) : part;
      const value = part.name === 'password' ? facts.password.reveal() : facts[part.name];
      const text = written(part, value);
      return inPod ? text.replaceAll('$', '$$$$') : text;
    })
    .join('');
}

function written({ name, syntax, hasQuotes }: Placeholder, value: string): string {
  if (syntax === undefined) {
    if (isPlain(value)) return value;
    throw unwritable(
      `the ${name} that Vault issued has characters that need an escape: expected {{${name}|…}} with one of ${Object.keys(ESCAPES).join(', ')}`,
    );
  }
  const text = escaped(value, syntax, hasQuotes);
  if (text !== undefined) return text;
  throw unwritable(
    `the ${name} that Vault issued has characters (a line break, or a blank at its end) that cannot be written for "${syntax}"`,
  );
}

const unwritable = (sentence: string) => new InjectorError('annotations_invalid', printable(sentence, 400));

/** An open "$" before a value would make one of Kubernetes' references with a "(" in it. */
function withoutOpenDollar(text: string): string {
  const dollars = text.length - 1 - text.split('').findLastIndex((character) => character !== '$');
  return dollars % 2 === 1 ? `${text}$` : text;
}

/** Upper bound of the filled text's length, for values that take up to `longest` characters with their escapes. */
export function longestText(template: Template, longest: number): number {
  return template.reduce((sum, part) => sum + (typeof part === 'string' ? part.length + 1 : longest), 0);
}
