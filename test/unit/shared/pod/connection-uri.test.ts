import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConnectionUri } from '../../../../shared/pod/connection-uri.ts';
import { fill } from '../../../../shared/pod/template.ts';
import { leaseFacts } from './lease-facts.ts';

function filled(text: string, user = 'user', password = 'password'): string | undefined {
  const read = parseConnectionUri(text);
  return 'expected' in read ? undefined : fill(read.template, leaseFacts({ user, password }), true);
}

describe('a URI', () => {
  test.each([
    [
      'with an empty user info',
      'postgres://@h:5432/db?sslmode=require',
      'postgres://user:password@h:5432/db?sslmode=require',
    ],
    ['without user info', 'postgres://host/db', 'postgres://user:password@host/db'],
    ['with a user, who is replaced', 'postgres://me:mine@host/db', 'postgres://user:password@host/db'],
    ['with several hosts', 'mongodb+srv://@a:1,b:2,c/db', 'mongodb+srv://user:password@a:1,b:2,c/db'],
    ['with an address', 'postgres://@[::1]:5432/db', 'postgres://user:password@[::1]:5432/db'],
    [
      'with variables that Kubernetes expands',
      'postgres://@$(HOST):$(PORT)/db',
      'postgres://user:password@$(HOST):$(PORT)/db',
    ],
    [
      'with an @ further on',
      'postgres://@host/db?options=a@b',
      'postgres://user:password@host/db?options=a@b',
    ],
    ['with an @ further on and no user info', 'postgres://host/db@x', 'postgres://user:password@host/db@x'],
    ['with percent signs', 'postgres://@host/my%20db', 'postgres://user:password@host/my%20db'],
    [
      'with the path of a socket as its host',
      'postgres://%2Fvar%2Frun/db',
      'postgres://user:password@%2Fvar%2Frun/db',
    ],
    [
      'whose host is in its query',
      'postgresql:///orders?host=/var/run/postgresql',
      'postgresql://user:password@/orders?host=/var/run/postgresql',
    ],
    ['without a host', 'postgres://@/', 'postgres://user:password@/'],
    [
      'with blanks in its query',
      'postgres://h/db?options=-c a=b',
      'postgres://user:password@h/db?options=-c a=b',
    ],
    ['with a blank in its path', 'postgres://h/my db', 'postgres://user:password@h/my%20db'],
    [
      "with the newer reference's placeholders",
      'postgresql://{{user}}:{{password}}@db:5432/a?b=c',
      'postgresql://user:password@db:5432/a?b=c',
    ],
    [
      'of JDBC, with placeholders',
      'jdbc:postgresql://db/a?user={{user}}&password={{password}}',
      'jdbc:postgresql://db/a?user=user&password=password',
    ],
  ])('%s', (_, template, expected) => {
    expect(filled(template)).toBe(expected);
  });

  test.each([
    '',
    ':x',
    '://host',
    'host:5432/db',
    'mailto:x',
    'postgres://ho st/db',
    'postgres://host/d\nb',
    '1a://host',
    'postgres://h:port/db',
    'postgres://[::1/db',
    'postgres://h/%zz',
    'postgres://ü@h/db',
  ])('that is none: %j', (text) => expect(filled(text)).toBeUndefined());

  test('of JDBC without placeholders shows what to write, and nothing of the text', () => {
    expect(parseConnectionUri('jdbc:postgresql://app:planted@db/orders?password=planted')).toEqual({
      expected: expect.stringMatching(
        /^placeholders in the query of a JDBC URL, such as "jdbc:(?!.*planted)/,
      ),
    });
  });

  test('keeps what Kubernetes expands, whatever else has to be escaped', () => {
    expect(filled('postgres://$(HOST):5$(PORT)/$(DB)-é')).toBe(
      'postgres://user:password@$(HOST):5$(PORT)/$(DB)-%C3%A9',
    );
  });

  test('without a scheme is taken, with a remark', () => {
    expect(parseConnectionUri('//db/orders')).toMatchObject({
      remarks: ['has no scheme, such as "postgres://"'],
    });
    expect(filled('//db/orders')).toBe('//user:password@db/orders');
  });
});

describe('user and password', () => {
  test('are percent-encoded', () => {
    expect(filled('pg://@h', "a:b@c/d?e#f g%h'(*)!", '$(HOME)$$')).toBe(
      'pg://a%3Ab%40c%2Fd%3Fe%23f%20g%25h%27%28%2A%29%21:%24%28HOME%29%24%24@h',
    );
  });

  test('are what a URI parser reads, whatever they are', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(text, text, (user, password) => {
        const url = new URL(filled('postgres://@host:5432/db', user, password) ?? '');
        expect([decodeURIComponent(url.username), decodeURIComponent(url.password)]).toEqual([
          user,
          password,
        ]);
        expect(url.host).toBe('host:5432');
      }),
    );
  });
});

const GO = `package main
import ("encoding/json"; "fmt"; "net/url"; "os")
func main() {
	var texts []string
	json.NewDecoder(os.Stdin).Decode(&texts)
	results := make([]string, len(texts))
	for i, text := range texts {
		u, err := url.Parse(text)
		if err != nil || u.Opaque != "" { continue }
		u.User = url.UserPassword("user", "password")
		results[i] = u.String()
	}
	out, _ := json.Marshal(results)
	fmt.Println(string(out))
}`;

/** What the reference would print for each: Go's own parser; empty for a text that it refuses or that keeps no user info. */
function byGo(texts: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'go-url-'));
  try {
    const file = join(folder, 'main.go');
    writeFileSync(file, GO);
    const out = execFileSync('go', ['run', file], { input: JSON.stringify(texts), encoding: 'utf8' });
    return JSON.parse(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("whatever Go's url.Parse takes is taken, with the same outcome", () => {
  const piece = fc.constantFrom(
    'a',
    'Z',
    '9',
    '-',
    '.',
    '_',
    '~',
    '/',
    '//',
    ':',
    '@',
    '?',
    '#',
    '%20',
    '%2F',
    '%',
    ' ',
    '[',
    ']',
    '::1',
    '$',
    '&',
    "'",
    '(',
    ')',
    '*',
    '+',
    ',',
    ';',
    '=',
    '!',
    '"',
    '<',
    '>',
    '\\',
    '^',
    '`',
    '{',
    '|',
    '}',
    'ä',
    '😀',
    'postgres://',
    '@host:5432',
    '\t',
  );
  const text = fc
    .tuple(
      fc.constantFrom('', 'postgres:', 'postgres://', 'pg+x://h', 'PG://u:p@h:1/'),
      fc.array(piece, { maxLength: 8 }),
    )
    .map(([start, rest]) => start + rest.join(''));
  const texts = fc.sample(text, { numRuns: 3_000, seed: 7 });
  const taken = byGo(texts).flatMap((expected, index) => {
    const given = texts[index] ?? '';
    // An empty text is a missing annotation; a path with both an escape and a character that needs one is read differently.
    const differs = given === '' || /%2F|\{\{|\$\(/.test(given);
    return expected === '' || differs ? [] : [{ given, expected }];
  });
  expect(taken.length).toBeGreaterThan(800);
  expect(
    taken
      .filter(({ given, expected }) => filled(given) !== expected)
      .map((one) => ({ ...one, ours: filled(one.given) })),
  ).toEqual([]);
}, 60_000);
