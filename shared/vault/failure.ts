/** What came back from Vault, or did not -> a member of the error catalogue. */
import { type ErrorCode, InjectorError } from '../errors.ts';
import { printable } from '../secret.ts';

/** An error whose cause lies in a request to Vault. */
export class VaultError extends InjectorError {
  readonly operation: string;
  /** HTTP status, or 0 where there was no answer. */
  readonly status: number;
  /** What Vault said itself, fit for a log line. */
  readonly detail: string;
  /** How long Vault asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, facts: VaultFacts) {
    super(code, message, { cause: facts.cause });
    this.name = 'VaultError';
    this.operation = facts.operation;
    this.status = facts.status ?? 0;
    this.detail = facts.detail ?? '';
    this.retryAfterMs = facts.retryAfterMs;
  }
}

interface VaultFacts {
  readonly operation: string;
  readonly status?: number;
  readonly detail?: string;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

export interface RefusedAnswer {
  readonly operation: string;
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

// What Vault, or whatever stands before it, may ask for.
const LONGEST_PAUSE_SECONDS = 3_600;

/** An answer that is neither 200 nor 204 (https://developer.hashicorp.com/vault/api-docs#http-status-codes). */
export function refusal({ operation, status, retryAfter, body }: RefusedAnswer): VaultError {
  const detail = errorsIn(body);
  const seconds = Number(retryAfter);
  const retryAfterMs =
    retryAfter !== undefined && seconds >= 0 ? Math.min(seconds, LONGEST_PAUSE_SECONDS) * 1_000 : undefined;
  const facts = { operation, status, detail, retryAfterMs };
  const unavailable = whyUnavailable(status, detail);
  if (unavailable) return new VaultError('vault_unavailable', unavailable, facts);
  if (status === 429) {
    return new VaultError(
      'vault_rate_limited',
      'Vault has too many requests at the moment (its rate limit)',
      facts,
    );
  }
  if (status === 403) {
    return new VaultError(
      'vault_denied',
      `Vault's policy does not allow the injector to ${operation}`,
      facts,
    );
  }
  return new VaultError(
    'vault_rejected',
    `Vault would not ${operation} (HTTP ${status}${detail && `: ${detail}`})`,
    facts,
  );
}

/** What passes by itself, or with whoever operates Vault. */
function whyUnavailable(status: number, detail: string): string | undefined {
  if (status === 503 && /sealed/i.test(detail))
    return 'Vault is sealed; whoever operates it has to unseal it';
  // Both are so while the active node changes: a standby would hand the request on, if it knew to whom.
  if (status === 500 && /active cluster node not found/i.test(detail))
    return 'Vault has no active node at the moment';
  if (status === 307) return 'a standby of Vault did not hand the request on';
  if (status === 412) return 'a standby of Vault has not caught up yet';
  if (status >= 502 && status <= 504) return `Vault is not available at the moment (HTTP ${status})`;
  return undefined;
}

function errorsIn(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (parsed && typeof parsed === 'object' && 'errors' in parsed && Array.isArray(parsed.errors)) {
      return printable(parsed.errors.map(String).join('; '));
    }
  } catch {
    // Not Vault's own words (a proxy's page): its status has to do.
  }
  return '';
}

const TLS_FAULT = /^(?:ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|UNABLE_TO|DEPTH_ZERO|HOSTNAME_MISMATCH)/;

/** A request without an answer. */
export function noAnswer(operation: string, thrown: unknown): VaultError {
  // It could not even be sent: that error says itself why.
  if (thrown instanceof InjectorError)
    return new VaultError(thrown.code, thrown.message, { operation, cause: thrown });
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
  const facts = { operation, detail: code, cause: thrown };
  if (TLS_FAULT.test(code)) {
    return new VaultError(
      'vault_tls',
      `Vault's TLS certificate is not trusted (${code}); see vaultCaFile`,
      facts,
    );
  }
  return new VaultError('vault_unreachable', `Vault cannot be reached (${code})`, facts);
}

export function timedOut(operation: string, cause: unknown): VaultError {
  return new VaultError('vault_timeout', `Vault did not ${operation} in time`, { operation, cause });
}

export function invalidAnswer(operation: string, cause?: unknown): VaultError {
  const message = `Vault's answer, when asked to ${operation}, is not what its API promises`;
  return new VaultError('vault_answer_invalid', message, { operation, cause });
}
