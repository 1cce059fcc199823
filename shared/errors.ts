/**
 * The catalogue of what can go wrong. Each protocol turns a code into its own outcome in one place:
 * admission into a denial, the event sink into an HTTP status, the job into an exit code.
 * `status` is the HTTP code of a denial (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response).
 */
export const ERROR_CATALOGUE = {
  configuration_invalid: { status: 500, retryable: false },
  request_invalid: { status: 400, retryable: false },
  request_not_found: { status: 404, retryable: false },
  request_method: { status: 405, retryable: false },
  request_too_large: { status: 413, retryable: false },
  request_encoding: { status: 415, retryable: false },
  too_busy: { status: 503, retryable: true },
  sender_unknown: { status: 401, retryable: false },
  annotations_invalid: { status: 422, retryable: false },
  service_account_denied: { status: 403, retryable: false },
  secret_refused: { status: 403, retryable: false },
  // The status that the API server uses when a quota is exceeded.
  too_many_grants: { status: 403, retryable: true },
  deadline_too_short: { status: 504, retryable: true },
  request_aborted: { status: 499, retryable: true },
  record_unreadable: { status: 500, retryable: false },
  record_deleted: { status: 500, retryable: false },
  grant_lost: { status: 410, retryable: false },
  memory_outdated: { status: 409, retryable: true },
  vault_timeout: { status: 504, retryable: true },
  vault_unreachable: { status: 503, retryable: true },
  vault_tls: { status: 503, retryable: true },
  vault_unavailable: { status: 503, retryable: true },
  vault_rate_limited: { status: 429, retryable: true },
  vault_denied: { status: 500, retryable: false },
  vault_rejected: { status: 500, retryable: false },
  vault_answer_invalid: { status: 502, retryable: true },
  kubernetes_timeout: { status: 504, retryable: true },
  kubernetes_unavailable: { status: 503, retryable: true },
  kubernetes_denied: { status: 500, retryable: false },
  kubernetes_rejected: { status: 500, retryable: false },
  sink_unavailable: { status: 503, retryable: true },
  init_container_unavailable: { status: 503, retryable: true },
  secret_id_missing: { status: 504, retryable: true },
  secret_id_repeated: { status: 409, retryable: false },
  push_failed: { status: 503, retryable: true },
  internal: { status: 500, retryable: false },
} as const;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** The subject of an error, as far as it is known where the error is thrown; logged as fields. */
export interface Subject {
  /** The API server's uid of the review, the id of the event. Vault's audit log has it as `x-correlation-id`. */
  readonly requestUid?: string | undefined;
  readonly traceId?: string | undefined;
  readonly namespace?: string;
  readonly pod?: string;
  readonly serviceAccount?: string;
  readonly uuid?: string;
  readonly role?: string | undefined;
  /** Mount of the database engine in Vault. */
  readonly mount?: string | undefined;
}

/** An error a person can act on. Its message never holds a secret. */
export class InjectorError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly subject: Subject;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; subject?: Subject }) {
    super(message, options);
    this.name = 'InjectorError';
    this.code = code;
    this.retryable = ERROR_CATALOGUE[code].retryable;
    this.subject = options?.subject ?? {};
  }
}

/** The same error with its subject added; the error thrown first is its cause. */
export function about(subject: Subject, thrown: unknown): InjectorError {
  const error = asInjectorError(thrown);
  return new InjectorError(error.code, error.message, {
    cause: thrown,
    subject: { ...subject, ...error.subject },
  });
}

/** Any thrown value as a member of the catalogue. The text of an unknown error is kept only as its cause. */
export function asInjectorError(thrown: unknown): InjectorError {
  if (thrown instanceof InjectorError) return thrown;
  return new InjectorError('internal', 'something unexpected happened in the injector; its log says what', {
    cause: thrown,
  });
}

/** The code that Node or a library gives its errors, such as `ECONNREFUSED`. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}
