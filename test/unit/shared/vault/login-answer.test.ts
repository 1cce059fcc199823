import { describe, expect, test } from 'vitest';
import { issuedToken, tokenIn } from '../../../../shared/vault/login-answer.ts';

const auth = { client_token: 'planted', accessor: 'a', lease_duration: 3_600, renewable: true };
const issued = { leaseSeconds: 3_600, accessor: 'a', renewable: true };

describe('a new token', () => {
  test.each([
    ['of a service account', {}, issued],
    [
      'of a batch login has no accessor',
      { accessor: '', renewable: false },
      { accessor: '', renewable: false },
    ],
    ['that does not end', { lease_duration: 0 }, { leaseSeconds: 0 }],
    ['beside fields that we do not need', { token_policies: ['default'], entity_id: '' }, issued],
  ])('%s', (_, changes, expected) => {
    const found = issuedToken('log in', { auth: { ...auth, ...changes } });
    expect(found).toMatchObject(expected);
    expect(found.token.reveal()).toBe('planted');
  });

  test.each([
    ['nothing', undefined],
    ['no token', { auth: { ...auth, client_token: '' } }],
    ['no accessor', { auth: { ...auth, accessor: undefined } }],
    ['no lifetime', { auth: { ...auth, lease_duration: 'planted' } }],
    ['a negative lifetime', { auth: { ...auth, lease_duration: -1 } }],
    ['a wrapped token', { auth: null, wrap_info: { token: 'planted' } }],
  ])('is not in an answer with %s, which is not quoted', (_, answer) => {
    const error = { code: 'vault_answer_invalid', message: expect.not.stringContaining('planted') };
    expect(() => issuedToken('log in', answer)).toThrow(expect.objectContaining(error));
  });
});

describe('an answer that comes too late', () => {
  test('gives its token to be revoked, whatever else it has', () => {
    for (const answer of [{ auth }, { auth: { client_token: 'planted' } }])
      expect(tokenIn(answer)?.reveal()).toBe('planted');
  });

  test.each([[undefined], [{}], [{ auth: null }], [{ auth: { client_token: '' } }]])(
    'without one: %j',
    (answer) => {
      expect(tokenIn(answer)).toBeUndefined();
    },
  );
});
