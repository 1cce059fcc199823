import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { asInjectorError, codeOf, ERROR_CATALOGUE, InjectorError } from '../../../shared/errors.ts';
import { tableIn } from '../docs/markdown-table.ts';

describe('docs/errors.md', () => {
  const rows = tableIn(readFileSync('docs/errors.md', 'utf8'), ['Code', 'HTTP status', 'Retried', 'Meaning']);

  test('has the codes of the catalogue, with their status and whether they are retried', () => {
    expect(rows.map((row) => row.slice(0, 3))).toEqual(
      Object.entries(ERROR_CATALOGUE).map(([code, { status, retryable }]) => [
        code,
        String(status),
        retryable ? 'yes' : 'no',
      ]),
    );
  });

  test('says what each means', () => {
    for (const [code, , , meaning = ''] of rows) expect(`${code}: ${meaning}`).toMatch(/: .{10}/);
  });
});

describe('an error of the catalogue', () => {
  test('knows whether it is worth another try, and keeps its cause', () => {
    const cause = new Error('socket hang up');
    const error = new InjectorError('vault_unreachable', 'Vault cannot be reached', { cause });
    expect(error).toMatchObject({ name: 'InjectorError', code: 'vault_unreachable', retryable: true, cause });
    expect(new InjectorError('vault_denied', 'no').retryable).toBe(false);
  });

  test('stays what it is', () => {
    const error = new InjectorError('request_invalid', 'no');
    expect(asInjectorError(error)).toBe(error);
  });
});

describe('anything else that is thrown', () => {
  test.each([
    ['an error', new TypeError('password planted')],
    ['a text', 'password planted'],
    ['nothing', undefined],
  ])('%s: its text is kept as the cause only', (_, thrown) => {
    const error = asInjectorError(thrown);
    expect(error).toMatchObject({ code: 'internal', cause: thrown });
    expect(error.message).not.toContain('planted');
  });
});

test.each([
  ["Node's error", Object.assign(new Error('no'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ['an error of the catalogue', new InjectorError('vault_denied', 'no'), 'vault_denied'],
  ['an error without a code', new Error('no'), undefined],
  ['an aborted fetch, whose code is a number', new DOMException('no', 'AbortError'), undefined],
  ['something that is no error', { code: 'X' }, undefined],
])('the code of %s', (_, thrown, code) => {
  expect(codeOf(thrown)).toBe(code);
});
