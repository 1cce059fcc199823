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
const SCHEME = /^(?:[a-z][a-z\d+.-]{0,31}:){1,3}\/\//i;
const PASSWORD_OR_USER: ReadonlySet<string> = new Set(['user', 'password']);

export const hasPlaceholder = (text: string): boolean => text.includes('{{');

/** A single placeholder. */
export function templateOf(name: PlaceholderName, syntax: EscapeName = 'raw'): Template {
  return [{ name, syntax, hasQuotes: false }];
}

/** @returns the template, or what is expected instead. */
export function parseTemplate(text: string): { readonly template: Template } | { readonly expected: string } {
  const parts: (string | Placeholder)[] = [];
  const uriEnd = endOfUri(text);
  let end = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    const before = text.slice(end, match.index);
    if (before !== '') parts.push(before);
    end = match.index + match[0].length;
    const around = { before: text[match.index - 1], after: text[end], isInUri: end <= uriEnd };
    const found = placeholderIn(match[1] ?? '', around);
    if (typeof found === 'string') return { expected: found };
    parts.push(found);
  }
  const rest = text.slice(end);
  if (rest !== '') parts.push(rest);
  if (parts.some((part) => typeof part === 'string' && part.includes('{{')))
    return { expected: 'a "}}" after each "{{", and nothing but a name and an escape between them' };
  if (parts.some((part, index) => typeof part === 'string' && index < parts.length - 1 && isOpen(part)))
    return { expected: 'a ")" after each "$(", and no placeholder between them' };
  if (!parts.some((part) => typeof part !== 'string'))
    return { expected: 'a text with {{user}} and {{password}} in it' };
  return { template: parts };
}

/** Index of the first character that is not of the URI which the text begins with; 0 if it begins with none. */
function endOfUri(text: string): number {
  if (!SCHEME.test(text)) return 0;
  // A semicolon begins another syntax (JDBC for SQL Server).
  const end = text.replace(PLACEHOLDER, (one) => '_'.repeat(one.length)).search(/[\s;]/);
  return end < 0 ? text.length : end;
}

/** Whether it ends within one of Kubernetes' references. */
const isOpen = (text: string): boolean => text.lastIndexOf('$(') > text.lastIndexOf(')');

interface Around {
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly isInUri: boolean;
}

function placeholderIn(inside: string, { before, after, isInUri }: Around): Placeholder | string {
  const [name = '', filter, ...more] = inside.split('|').map((word) => word.trim());
  const known = PLACEHOLDERS.find((one) => one === name);
  if (known === undefined) return `one of ${PLACEHOLDERS.map((one) => `{{${one}}}`).join(', ')}`;
  if (filter === undefined) {
    const syntax = isInUri ? 'uri' : PASSWORD_OR_USER.has(known) ? undefined : 'raw';
    return { name: known, syntax, hasQuotes: false };
  }
  if (more.length > 0 || !isEscape(filter))
    return `one of the escapes ${Object.keys(ESCAPES).join(', ')} after "${known}|"`;
  const quote = quoteOf(filter);
  const hasQuotes = quote !== '' && before === quote && after === quote;
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

/** Upper bound of the filled text's bytes in JSON, for values that take up to `longest` with their escapes. */
export function mostBytes(template: Template, longest: number): number {
  return template.reduce(
    (sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(JSON.stringify(part)) : longest),
    0,
  );
}
