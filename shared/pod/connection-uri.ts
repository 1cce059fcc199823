/**
 * Templates of mode `uri`. The reference parses them with Go's url.Parse, sets the user info, and prints the result
 * (https://pkg.go.dev/net/url#Parse). What it takes is taken here, with the same outcome; beyond that, `$(PORT)` for
 * Kubernetes, and hosts with "%", which libpq reads as the path of a socket. One difference: an escape in a path stays
 * as it is written.
 */
import { percentEncode } from './escapes.ts';
import { hasPlaceholder, parseTemplate, type Template, templateOf } from './template.ts';

interface ConnectionUri {
  readonly template: Template;
  /** One sentence each, without a subject. */
  readonly remarks: readonly string[];
}
type Read = ConnectionUri | { readonly expected: string };

const EXAMPLE = 'a URI such as "postgres://@host:5432/name"';
const PARTS = /^(?:([A-Za-z][A-Za-z\d+.-]*):)?([^?#]*)(\?[^#]*)?(?:#(.*))?$/s;
// https://cs.opensource.google/go/go/+/refs/tags/go1.26.0:src/net/url/url.go, parseHost
const IP_LITERAL = /^\[[\da-fA-F:.]+(?:%25[^\]\s]+)?\](?::\d*)?$/;
const HOST = /^[^\s\\^`{|}/?#@]*$/;
// Several hosts are separated by commas.
const PORT = /^(?:\d|\$\([^()]*\))*(?:,.*)?$/;
const BROKEN_ESCAPE = /%(?![\dA-Fa-f]{2})/;
const USER_INFO = /^[\w.~!$&'()*+,;=:%@-]*$/;

/** @returns the template, or what is expected instead. */
export function parseConnectionUri(text: string): Read {
  if (!hasPlaceholder(text)) return withUserInfo(text);
  const parsed = parseTemplate(text);
  return 'template' in parsed ? { ...parsed, remarks: [] } : parsed;
}

function withUserInfo(text: string): Read {
  const [whole = '', scheme, hierarchy = '', query = '', fragment = ''] = PARTS.exec(text) ?? [];
  if (scheme?.toLowerCase() === 'jdbc') return { expected: JDBC_EXAMPLE };
  const { authority, path } = divided(hierarchy, scheme !== undefined);
  const [, userInfo = '', host = ''] = /^(?:(.*)@)?([^@]*)$/s.exec(authority) ?? [];
  if (whole === '' || hasControl(hierarchy + query) || isOpaque(scheme, hierarchy, path) || !isHost(host))
    return { expected: EXAMPLE };
  if (!USER_INFO.test(userInfo) || BROKEN_ESCAPE.test(`${userInfo} ${path} ${fragment}`))
    return { expected: `${EXAMPLE}, with special characters written as "%20"` };
  const before = scheme === undefined ? '//' : `${scheme.toLowerCase()}://`;
  const after = `${inHost(host)}${inPath(path)}${query}${fragment === '' ? '' : `#${inFragment(fragment)}`}`;
  const remarks = [
    ...(scheme === undefined ? ['has no scheme, such as "postgres://"'] : []),
    ...(userInfo === '' ? [] : ['has user info, which the credentials replace']),
  ];
  const credentials = [...templateOf('user', 'uri'), ':', ...templateOf('password', 'uri')];
  return { template: [before, ...credentials, `@${after}`], remarks };
}

const hasControl = (text: string) => /[^\P{Cc}\x80-\x9f]/u.test(text);

function divided(hierarchy: string, hasScheme: boolean) {
  const isPath = !hierarchy.startsWith('//') || (!hasScheme && hierarchy.startsWith('///'));
  if (isPath) return { authority: '', path: hierarchy };
  const [, authority = '', path = ''] = /^\/\/([^/]*)(.*)$/s.exec(hierarchy) ?? [];
  return { authority, path };
}

/** Whether it has no place for user info, as "mailto:x", or is not a URI, as "a_b://host". */
function isOpaque(scheme: string | undefined, hierarchy: string, path: string): boolean {
  if (scheme !== undefined) return hierarchy !== '' && !hierarchy.startsWith('/');
  return path.split('/', 1)[0]?.includes(':') ?? false;
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return IP_LITERAL.test(host);
  const colon = host.lastIndexOf(':');
  return HOST.test(host) && (colon < 0 || PORT.test(host.slice(colon + 1)));
}

/** JDBC's URLs have no user info: their drivers read the credentials from the query. */
const JDBC_EXAMPLE =
  'placeholders in the query of a JDBC URL, such as "jdbc:postgresql://host/name?user={{user}}&password={{password}}"';

// Kubernetes expands it, whatever Go would make of it.
const REFERENCE = /(\$\([^()]*\))/;

// Go keeps a text whose characters may all stand in it, and otherwise escapes more than it would have to.
function encoded(text: string, allowed: RegExp, unsafe: RegExp): string {
  if (allowed.test(text)) return text;
  return text
    .toWellFormed()
    .split(REFERENCE)
    .map((part) => (part.startsWith('$(') ? part : part.replace(unsafe, percentEncode)))
    .join('');
}
const inHost = (text: string) => encoded(text, /^[\0-\x7f]*$/, /[^\0-\x7f]/gu);
const inPath = (text: string) => encoded(text, /^[\w.~!$&'()*+,;=:@[\]%/-]*$/, /[^\w.~$&+,;=:@%/-]/gu);
const inFragment = (text: string) =>
  encoded(text, /^[\w.~!$&'()*+,;=:@[\]%/?-]*$/, /[^\w.~!$&()*+,;=:@%/?-]/gu);
