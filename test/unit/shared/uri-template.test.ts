import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fillUriTemplate, parseUriTemplate } from '../../../shared/uri-template.ts';

function fill(template: string, user = 'user', password = 'password'): string {
  const parsed = parseUriTemplate(template);
  if (!parsed) throw new Error(`${template} is no template`);
  return fillUriTemplate(parsed, user, password);
}

describe('a template', () => {
  test.each([
    [
      'with an empty user info',
      'postgres://@host:5432/db?sslmode=require',
      'postgres://user:password@host:5432/db?sslmode=require',
    ],
    ['without user info', 'postgres://host/db', 'postgres://user:password@host/db'],
    ['with a user, who is replaced', 'postgres://me:mine@host/db', 'postgres://user:password@host/db'],
    ['with several hosts', 'mongodb+srv://@a:1,b:2,c/db', 'mongodb+srv://user:password@a:1,b:2,c/db'],
    ['with an address', 'postgres://@[::1]:5432/db', 'postgres://user:password@[::1]:5432/db'],
    [
      'with a variable that Kubernetes expands',
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
  ])('%s', (_, template, filled) => {
    expect(fill(template)).toBe(filled);
  });

  test.each([
    '',
    'host:5432/db',
    'postgres:/host',
    '://host',
    'postgres://',
    'postgres://@',
    'postgres://@/db',
    'postgres://ho st/db',
    'postgres://host/d\nb',
    '1a://host',
  ])('that is none: %j', (text) => expect(parseUriTemplate(text)).toBeUndefined());
});

describe('user and password', () => {
  test('are percent-encoded', () => {
    expect(fill('pg://@h', "a:b@c/d?e#f g%h'(*)!", '$(HOME)$$')).toBe(
      'pg://a%3Ab%40c%2Fd%3Fe%23f%20g%25h%27%28%2A%29%21:%24%28HOME%29%24%24@h',
    );
  });

  test('are what a URI parser reads, whatever they are', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(text, text, (user, password) => {
        const url = new URL(fill('postgres://@host:5432/db', user, password));
        expect([decodeURIComponent(url.username), decodeURIComponent(url.password)]).toEqual([
          user,
          password,
        ]);
        expect(url.host).toBe('host:5432');
      }),
    );
  });
});
