import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANNOTATION_PREFIX, parseAnnotations } from '../../../../shared/annotations.ts';
import { fill, parseTemplate } from '../../../../shared/pod/template.ts';
import { expand } from './kubernetes-expansion.ts';
import { leaseFacts } from './lease-facts.ts';

function filled(text: string, password = 'pass-word', inPod = false): string {
  const parsed = parseTemplate(text);
  if ('expected' in parsed) throw new Error(parsed.expected);
  return fill(parsed.template, leaseFacts({ password }), inPod);
}

const EXOTIC = `a'b"c\\d e:f;g=h{i}j$(HOME)k%l&m#n/o?p@q\`r!s|t<u>v,w*x+y~z^ä😀`;

describe('a text with placeholders', () => {
  test.each([
    ['keywords', 'host=db user={{user}} password={{password}}', 'host=db user=user password=pass-word'],
    ["Go's MySQL", '{{user}}:{{password}}@tcp(db:3306)/orders', 'user:pass-word@tcp(db:3306)/orders'],
    ['blanks in a placeholder', '{{ user }}:{{ password | raw }}', 'user:pass-word'],
    [
      'everything of the lease',
      '{{lease_id}} {{lease_end}} {{lease_seconds}} {{database}} {{mount}} {{role}}',
      'databases/creds/rw/abc 2030-01-01T00:00:00.000Z 3600 orders databases rw',
    ],
  ])('%s', (_, text, expected) => expect(filled(text)).toBe(expected));

  test.each([
    ['libpq', 'password={{password|libpq}}', `password='${EXOTIC.replace(/[\\']/g, '\\$&')}'`],
    ['json', '{"p": {{password|json}}}', `{"p": ${JSON.stringify(EXOTIC)}}`],
    ['json, in quotes', '{"p": "{{password|json}}"}', `{"p": ${JSON.stringify(EXOTIC)}}`],
    ['pgpass', '*:*:*:u:{{password|pgpass}}', `*:*:*:u:${EXOTIC.replace(/[\\:]/g, '\\$&')}`],
    ['dotnet', 'Password={{password|dotnet}};', `Password="${EXOTIC.replaceAll('"', '""')}";`],
    ['shell', 'P={{password|shell}}', `P='${EXOTIC.replaceAll("'", "'\\''")}'`],
    ['mycnf', 'password={{password|mycnf}}', `password="${EXOTIC.replace(/[\\"]/g, '\\$&')}"`],
    [
      'uri',
      'jdbc:x://h/d?password={{password}}',
      `jdbc:x://h/d?password=${encodeURIComponent(EXOTIC).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`,
    ],
    ['raw', '{{password|raw}}', EXOTIC],
  ])('escapes for %s', (_, text, expected) => expect(filled(text, EXOTIC)).toBe(expected));

  test.each([
    [
      'host=db password={{password}}',
      'a b',
      'the password that Vault issued has characters that need an escape',
    ],
    ['jdbc:sqlserver://h;password={{password}}', 'a;b', 'characters that need an escape'],
    ['*:*:*:u:{{password|pgpass}}', 'a\nb', 'that cannot be written for "pgpass"'],
  ])('%s is refused for a password that it cannot hold, which is not shown', (text, password, sentence) => {
    const attempt = () => filled(text, password);
    expect(attempt).toThrow(sentence);
    expect(attempt).not.toThrow(password);
    expect(attempt).toThrow(expect.objectContaining({ code: 'annotations_invalid' }));
  });

  test.each([
    ['x', 'a text with {{user}} and {{password}} in it'],
    ['{{username}}', 'one of {{user}}, {{password}}, {{lease_id}}'],
    ['{{ .Data.password }}', 'one of {{user}}, {{password}}'],
    ['{{password|base64}}', 'one of the escapes uri, libpq, json'],
    ['{{password|uri|json}}', 'one of the escapes'],
    ['{{password|constructor}}', 'one of the escapes'],
    ['$({{password|raw}}', 'a ")" after each "$("'],
    ['{{user}} {{password', 'a "}}" after each "{{"'],
  ])('%j is refused, with what is expected', (text, expected) => {
    expect(parseTemplate(text)).toEqual({ expected: expect.stringContaining(expected) });
  });
});

test('annotations that take more than Kubernetes allows are not read', () => {
  const text = '{{user}}'.repeat(512);
  const many = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [`${ANNOTATION_PREFIX}d.template-V${index}`, text]),
  );
  const defaults = { engine: 'databases', delivery: 'env', podsMayChooseDelivery: false } as const;
  const { problems, requests } = parseAnnotations(many, defaults);
  expect(problems).toEqual([
    expect.stringMatching(/^the annotations take \d+ bytes: expected at most 262144/),
  ]);
  expect(requests).toEqual([]);
});

test('Kubernetes leaves the values as they are, and expands what the template refers to', () => {
  const password = fc.oneof(fc.string(), fc.constantFrom('(HOME)', '$(HOME)', '$', '$$(HOME)', 'a$'));
  const before = fc.constantFrom('', '$', '$$', 'x$', '$(HOME)', '$(HOME) $');
  fc.assert(
    fc.property(before, password, (text, value) => {
      const made = filled(`${text}{{password|raw}}(HOME)$(HOME)`, value, true);
      const given = text === '$$' ? '$' : text.replace('$(HOME)', '/root');
      const { result } = Object.fromEntries(
        expand([
          { name: 'HOME', value: '/root' },
          { name: 'result', value: made },
        ]),
      );
      expect(result).toBe(`${given}${value}(HOME)/root`);
    }),
  );
});
