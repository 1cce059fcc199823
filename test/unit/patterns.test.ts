/** Every regular expression in the product, checked by recheck: matching time is linear in the text's length. */
import { globSync, readFileSync } from 'node:fs';
import { parseSync, Visitor } from 'oxc-parser';
import * as v from 'valibot';
import { beforeAll, expect, test, vi } from 'vitest';

interface Pattern {
  readonly place: string;
  readonly source: string;
  readonly flags: string;
}

// The pure form, which needs no other program.
vi.stubEnv('RECHECK_BACKEND', 'pure');
const { check } = (await import('recheck')).default;

const files = globSync(['functions/**/*.ts', 'shared/**/*.ts', 'init/**/*.ts', 'cronjobs/**/*.ts']);

// What valibot brings with the checks that are used here.
const BY_NAME: Readonly<Record<string, RegExp>> = {
  base64: v.BASE64_REGEX,
  decimal: v.DECIMAL_REGEX,
  isoTimestamp: v.ISO_TIMESTAMP_REGEX,
  ip: v.IP_REGEX,
};
const WITHOUT_PATTERN = new Set(['url', 'regex']);

function patternsIn(text: string, file: string) {
  const { program, errors } = parseSync(file, text);
  expect(errors).toEqual([]);
  const found: Pattern[] = [];
  const made: string[] = [];
  const called = new Set<string>();
  new Visitor({
    Literal(node) {
      if ('regex' in node && node.regex)
        found.push({ place: file, source: node.regex.pattern, flags: node.regex.flags });
    },
    Identifier({ name }) {
      if (name === 'RegExp') made.push(file);
    },
    MemberExpression({ object, property }) {
      if (object.type === 'Identifier' && object.name === 'v' && property.type === 'Identifier')
        called.add(property.name);
    },
  }).visit(program);
  return { found, made, called };
}

const read = files.map((file) => patternsIn(readFileSync(file, 'utf8'), file));
const patterns = read.flatMap(({ found }) => found);

beforeAll(() => {
  // The search itself works: there are some, and none is made where it could not be seen.
  expect(patterns.length).toBeGreaterThan(40);
});

test('none is made of a text, where nobody could check it', () => {
  const { made } = patternsIn("const one = new RegExp('a+'); RegExp('b');", 'example.ts');
  expect(made).toHaveLength(2);
  const places = new Set(read.flatMap((one) => one.made));
  for (const place of places) {
    // The name is allowed as a type, which says what a parameter is.
    expect(readFileSync(place, 'utf8')).not.toMatch(/RegExp\s*\(/);
  }
});

// Limits by counts, not by time, so that a busy processor changes no result.
const LIMITS = { timeout: 60_000, attackTimeout: null, incubationTimeout: null, seedingTimeout: null };

test('a pattern that takes longer is found', async () => {
  expect((await check('\\beyJ[\\w-]+\\.[\\w-]+\\.[\\w-]*', 'g')).status).toBe('vulnerable');
  expect((await check('\\/+$', '')).status).toBe('vulnerable');
});

const named = (one: Pattern) => [`${one.place} /${one.source}/${one.flags}`, one] as const;
test.each(patterns.map(named))(
  '%s',
  async (_, { source, flags }) => {
    expect(await check(source, flags, LIMITS)).toMatchObject({ status: 'safe' });
  },
  70_000,
);

test("valibot's own, of the checks that are used here", async () => {
  const used = [...new Set(read.flatMap(({ called }) => [...called]))];
  const own = used.filter((name) => `${name.toUpperCase()}_REGEX` in v || Object.hasOwn(BY_NAME, name));
  expect(own.filter((name) => !Object.hasOwn(BY_NAME, name) && !WITHOUT_PATTERN.has(name))).toEqual([]);
  const results = own.map(async (name) => {
    const { source = '', flags = '' } = BY_NAME[name] ?? {};
    return [name, (await check(source, flags)).status];
  });
  expect(await Promise.all(results)).toEqual(own.map((name) => [name, 'safe']));
});
