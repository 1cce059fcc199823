import { describe, expect, test } from 'vitest';
import { InjectorError } from '../../../../shared/errors.ts';
import { noAnswer, refusal } from '../../../../shared/vault/failure.ts';

const operation = 'create a token';

describe("Vault's refusals", () => {
  test.each([
    [400, 'no such role', 'vault_rejected', 'Vault would not create a token (HTTP 400: no such role)'],
    [
      403,
      'permission denied',
      'vault_denied',
      "Vault's policy does not allow the injector to create a token",
    ],
    [307, '', 'vault_unavailable', 'a Vault standby did not forward the request'],
    [
      500,
      'local node not active but active cluster node not found',
      'vault_unavailable',
      'Vault has no active node at the moment',
    ],
    [
      404,
      'no handler for route "x"',
      'vault_rejected',
      'Vault would not create a token (HTTP 404: no handler for route "x")',
    ],
    [412, 'required index state not present', 'vault_unavailable', 'a Vault standby has not caught up yet'],
    [
      429,
      'rate limit quota exceeded',
      'vault_rate_limited',
      'Vault has too many requests at the moment (its rate limit)',
    ],
    [500, 'internal error', 'vault_rejected', 'Vault would not create a token (HTTP 500: internal error)'],
    [502, '', 'vault_unavailable', 'Vault is not available at the moment (HTTP 502)'],
    [503, 'Vault is sealed', 'vault_unavailable', 'Vault is sealed; its operator has to unseal it'],
    [503, 'backend is overloaded', 'vault_unavailable', 'Vault is not available at the moment (HTTP 503)'],
    [504, '', 'vault_unavailable', 'Vault is not available at the moment (HTTP 504)'],
  ])('%i %s', (status, detail, code, message) => {
    const body = detail && JSON.stringify({ errors: [detail] });
    expect(refusal({ operation, status, body, retryAfter: undefined })).toMatchObject({
      code,
      message,
      operation,
      status,
      detail,
    });
  });

  test('with several reasons have them all, in one line, without a token', () => {
    const body = JSON.stringify({ errors: ['1 error:\n\t* denied', `token hvs.${'x'.repeat(30)}`] });
    expect(refusal({ operation, status: 400, body, retryAfter: undefined }).detail).toBe(
      '1 error: * denied; token [redacted]',
    );
  });

  test.each(['<html>no</html>', '{"errors":"no"}', '{"errors":', 'null', ''])(
    'without its own words have none: %j',
    (body) => {
      expect(refusal({ operation, status: 400, body, retryAfter: undefined }).detail).toBe('');
    },
  );

  test.each([
    ['nothing is there', 404, '{"errors":[]}', true],
    ['no engine is there', 404, '{"errors":["no handler for route"]}', false],
    ['the newest version is deleted', 404, '{"request_id":"1","data":{"data":null}}', false],
    ['nothing, in an answer of another status', 400, '{"errors":[]}', false],
  ])('say whether something is absent: %s', (_, status, body, isAbsence) => {
    const refused = refusal({ operation, status, body, retryAfter: undefined });
    expect([refused.code, refused.status, refused.isAbsence]).toEqual(['vault_rejected', status, isAbsence]);
  });

  test.each(
    [400, 403, 404, 405, 410, 500].flatMap((status) =>
      [
        '',
        'default backend - 404',
        '<html>no</html>',
        '{}',
        '[]',
        'null',
        '{"errors":"no"}',
        '{"message":"no Route matched"}',
        '{"errors":[],"status":404}',
        '{"errors":[{"code":"NOT_FOUND"}]}',
        '{"errors":[null,{"toString":1},[[["x"]]]]}',
      ].map((body) => [status, body] as const),
    ),
  )('of something else in its place are retried, and say nothing of Vault: %i %j', (status, body) => {
    const refused = refusal({ operation, status, body, retryAfter: undefined });
    expect(refused).toMatchObject({
      code: 'vault_answer_invalid',
      retryable: true,
      status: 0,
      isAbsence: false,
    });
    expect(refused.message).toContain(`is not what its API promises (HTTP ${status}: a proxy`);
  });

  test.each([
    ['2', 2_000],
    ['0', 0],
    [undefined, undefined],
    ['-1', undefined],
    ['soon', undefined],
  ])('that say Retry-After: %s', (retryAfter, milliseconds) => {
    expect(refusal({ operation, status: 429, body: '', retryAfter }).retryAfterMs).toBe(milliseconds);
  });
});

describe('a request without an answer', () => {
  const failed = (code?: string) => noAnswer(operation, Object.assign(new Error('secret'), code && { code }));

  test.each([
    ['ECONNREFUSED', 'vault_unreachable', 'Vault cannot be reached (ECONNREFUSED)'],
    ['ENOTFOUND', 'vault_unreachable', 'Vault cannot be reached (ENOTFOUND)'],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'vault_tls',
      "Vault's TLS certificate is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE); see vaultCaFile",
    ],
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'vault_tls',
      "Vault's TLS certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT); see vaultCaFile",
    ],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'vault_tls',
      "Vault's TLS certificate is not trusted (ERR_TLS_CERT_ALTNAME_INVALID); see vaultCaFile",
    ],
    [
      'CERT_HAS_EXPIRED',
      'vault_tls',
      "Vault's TLS certificate is not trusted (CERT_HAS_EXPIRED); see vaultCaFile",
    ],
    [undefined, 'vault_unreachable', 'Vault cannot be reached (unknown)'],
  ])('because of %s', (cause, code, message) => {
    expect(failed(cause)).toMatchObject({ code, message, status: 0 });
  });

  test('that could not even be sent says why itself', () => {
    const error = new InjectorError('vault_tls', 'the file of vaultCaFile cannot be read');
    expect(noAnswer(operation, error)).toMatchObject({ code: 'vault_tls', message: error.message });
  });
});
