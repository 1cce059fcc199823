/** Annotations that are not valid: every problem at once, and nothing hostile gets any further. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANNOTATION_PREFIX, type PodDefaults, parseAnnotations } from '../../../shared/annotations.ts';
import { vaultPath } from '../../../shared/vault/path.ts';

/** @param annotations without their prefix. */
function parse(annotations: Readonly<Record<string, string>>, changes: Partial<PodDefaults> = {}) {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`${ANNOTATION_PREFIX}${key}`, value]);
  return parseAnnotations(Object.fromEntries(prefixed), {
    engine: 'databases',
    delivery: 'env',
    podsMayChooseDelivery: false,
    ...changes,
  });
}

const at = (key: string) => `annotation "${ANNOTATION_PREFIX}${key}"`;

describe('problems', () => {
  const uri = { 'db.role': 'rw', 'db.mode': 'uri' };
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
    [
      'nothing is asked for',
      {},
      [`no database is asked for: expected an annotation "${ANNOTATION_PREFIX}<database>.role"`],
    ],
    [
      'a database without a role',
      { 'db.mode': 'classic' },
      [
        `${at('db.role')} is missing: expected a role of the database engine (letters, digits, "_", "-", "." and "@")`,
      ],
    ],
    [
      'a mode that is none',
      { 'db.role': 'rw', 'db.mode': 'Classic' },
      [`${at('db.mode')} is "Classic": expected "classic", "uri" or "template"`],
    ],
    [
      'a URI without template and variable',
      uri,
      [
        `${at('db.template')} is missing: expected a URI such as "postgres://@host:5432/name"`,
        `${at('db.env-key-uri')} is missing: expected an environment variable's name (or several, separated by commas)`,
      ],
    ],
    [
      'a template that is no URI',
      { ...uri, 'db.env-key-uri': 'U', 'db.template': 'host:5432' },
      [`${at('db.template')} is "…": expected a URI such as "postgres://@host:5432/name"`],
    ],
    [
      'variables that are no names',
      { role: 'rw', 'db.env-key-dbuser': '1USER,A B', 'db.env-key-dbpassword': 'P=Q' },
      [
        `${at('db.env-key-dbuser')} is "1USER": expected an environment variable's name`,
        `${at('db.env-key-dbuser')} is "A B": expected an environment variable's name`,
        `${at('db.env-key-dbpassword')} is "P=Q": expected an environment variable's name`,
      ],
    ],
    [
      'one variable for two databases',
      { 'a.role': 'rw', 'b.role': 'rw', 'b.env-key-dbuser': 'BUSER' },
      [
        'variable DBPASSWORD is set more than once, by a and b: expected different names in "env-key-…" and "template-…"',
      ],
    ],
    [
      'one variable for user and password',
      { 'db.role': 'rw', 'db.env-key-dbuser': 'X', 'db.env-key-dbpassword': 'X' },
      [
        'variable X is set more than once, by db and db: expected different names in "env-key-…" and "template-…"',
      ],
    ],
    [
      'too many databases',
      Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`db${index}.role`, 'rw'])),
      ['33 databases are asked for: expected at most 32'],
    ],
  ];

  test.each(rows)('%s', (_, annotations, problems) => {
    expect(parse(annotations)).toMatchObject({ problems });
  });

  test('are all reported at once, of all databases', () => {
    const { problems, requests } = parse({
      'a.role': 'x y',
      'a.auth-role': 'x/y',
      'a.cluster': '../a',
      'a.mode': 'both',
      'b.role': 'rw',
      'b.mode': 'uri',
      containers: 'A',
    });
    expect(problems.map((problem) => /numberly\.io\/([^"]+)"/.exec(problem)?.[1])).toEqual([
      'a.role',
      'a.auth-role',
      'a.cluster',
      'a.mode',
      'b.template',
      'b.env-key-uri',
      'containers',
    ]);
    expect(requests).toEqual([]);
  });
});

describe('hostile values', () => {
  const roles = [
    '../all-rw',
    '..',
    '.',
    'a/b',
    'a%2fb',
    '/a',
    'a//b',
    'a\nb',
    'a\u0000b',
    'a b',
    'a?b',
    'a#b',
    'ä',
    '-a',
    'x'.repeat(129),
  ];
  const mounts = [
    'sys',
    'sys/mounts',
    'auth/token',
    'auth',
    'identity',
    'cubbyhole/x',
    '/pg',
    'pg//a',
    'pg/../sys',
    './pg',
    'pg/.',
    'pg%2f..',
    'a\nb',
    'pg?x',
    '~',
  ];

  test.each(roles)('as a role: %j', (value) => {
    for (const key of ['role', 'auth-role']) {
      const { problems, requests } = parse({ 'db.role': 'rw', [`db.${key}`]: value });
      expect(problems).toEqual([expect.stringMatching(`db.${key}" is "`)]);
      expect(requests).toEqual([]);
    }
  });

  test.each(mounts)('as an engine: %j', (cluster) => {
    const { problems, requests } = parse({ role: 'rw', cluster });
    expect(problems).toEqual([expect.stringMatching('cluster" is "')]);
    expect(requests).toEqual([]);
  });

  test('of ten thousand characters are refused, and not repeated', () => {
    const { problems } = parse({
      'db.role': 'x'.repeat(10_000),
      'db.mode': 'y'.repeat(4_000),
      'db.cluster': 'pg',
    });
    expect(problems[0]).toMatch(/db\.role" is "…": expected at most 4096 characters, and there are 10000$/);
    expect(problems.join('\n').length).toBeLessThan(1_000);
  });

  test('with line ends and tokens in them stand in one line, without the token', () => {
    const token = `hvs.${'a'.repeat(40)}`;
    const { problems } = parse({ role: `a\r\nb ${token}` });
    expect(problems).toEqual([expect.stringContaining('role" is "a b [redacted]"')]);
  });

  test('whatever they are: no exception, problems in one line each, and only paths that Vault cannot be led astray by', () => {
    const key = fc.oneof(
      fc.constantFrom(
        'role',
        'cluster',
        'containers',
        'uuid',
        'db.role',
        'db.auth-role',
        'db.cluster',
        'db.mode',
        'db.template',
        'db.env-key-uri',
        'a.b.role',
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
    );
    const value = fc.oneof(
      fc.constantFrom('rw', 'uri', 'classic', 'pg', '../x', 'postgres://@h/d'),
      fc.string({ unit: 'binary', maxLength: 40 }),
    );
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 8 }), (annotations) => {
        const { requests, problems } = parse(annotations);
        for (const problem of problems) expect(problem).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        for (const { mount, role, authRole } of requests) {
          expect(vaultPath(mount, 'creds', { name: role })).toBe(
            `/${mount}/creds/${encodeURIComponent(role)}`,
          );
          expect(vaultPath('auth/kubernetes/role', { name: authRole })).toBeTruthy();
          expect(mount).not.toMatch(/^(?:sys|auth|identity|cubbyhole)(?:\/|$)/);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
