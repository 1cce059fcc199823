import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { vaultPath } from '../../../../shared/vault/path.ts';

describe("a path of Vault's API", () => {
  test('is made of mounts with inner slashes and names of one segment', () => {
    expect(vaultPath('auth', 'k8s/eu', 'role', { name: 'gule-rw' })).toBe('/auth/k8s/eu/role/gule-rw');
    expect(vaultPath('pg', 'creds', { name: 'a@b c+d' })).toBe('/pg/creds/a%40b%20c%2Bd');
  });

  test.each(['', '.', '..', 'a/b', 'a\\b', 'a%2fb', 'a?b', 'a#b', 'a\nb', 'a\u0000'])(
    'refuses %j as a name',
    (name) => {
      expect(() => vaultPath('pg', 'creds', { name })).toThrow('cannot be part of a path in Vault');
    },
  );

  test.each(['', '/pg', 'pg/', 'pg//x', 'pg/../sys', './pg', 'pg?x'])('refuses %j as a mount', (mount) => {
    expect(() => vaultPath(mount, 'creds', { name: 'x' })).toThrow('cannot be part of a path in Vault');
  });

  test('is what a URL parser makes of it, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        let path: string;
        try {
          path = vaultPath('pg', 'creds', { name });
        } catch {
          return;
        }
        expect(new URL(`http://vault/v1${path}`).pathname).toBe(`/v1${path}`);
        expect(path.split('/')).toHaveLength(4);
      }),
    );
  });
});
