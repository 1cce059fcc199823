/** Turns Vault's error answers, or missing ones, into a member of the error catalogue. */
import * as v from 'valibot';
import { codeOf, type ErrorCode, InjectorError } from '../errors.ts';
import { printable } from '../secret.ts';

/** An error caused by a request to Vault. */
export class VaultError extends InjectorError {
  readonly operation: string;
  /** HTTP status, or 0 without an answer. */
  readonly status: number;
  /** Vault's own message, sanitized for a log line. */
  readonly detail: string;
  /** How long Vault asks us to wait. */
  readonly retryAfterMs: number | undefined;
  /** Whether Vault itself says that the path is empty. A 404 from anything else proves nothing. */
  readonly isAbsence: boolean;
  /** The data that Vault sends with a 404: the metadata of a KV document whose newest version is deleted. */
  readonly data: unknown;

  constructor(code: ErrorCode, message: string, facts: VaultFacts) {
    super(code, message, { cause: facts.cause });
    this.name = 'VaultError';
    this.operation = facts.operation;
    this.status = facts.status ?? 0;
    this.detail = facts.detail ?? '';
    this.retryAfterMs = facts.retryAfterMs;
    this.isAbsence = facts.isAbsence ?? false;
    this.data = facts.data;
  }
}

interface VaultFacts {
  readonly operation: string;
  readonly status?: number;
  readonly detail?: string;
  readonly retryAfterMs?: number | undefined;
  readonly isAbsence?: boolean;
  readonly data?: unknown;
  readonly cause?: unknown;
}

// Vault sends one or two errors; a hostile server may send any number.
const MOST_ERRORS = 20;

export interface RefusedAnswer {
  readonly operation: string;
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

// The longest wait that Vault, or a proxy before it, may ask for.
const LONGEST_PAUSE_SECONDS = 3_600;

/**
 * An answer that is neither 200 nor 204 (https://developer.hashicorp.com/vault/api-docs#http-status-codes). Vault's
 * own have a JSON body with `errors` or, for a 404, with `data`; any other comes from a proxy.
 */
export function refusal({ operation, status, retryAfter, body }: RefusedAnswer): VaultError {
  const words = wordsIn(body);
  const detail = words?.detail ?? '';
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
  if (!words) return foreignAnswer(operation, status);
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
    { ...facts, isAbsence: status === 404 && words.isEmpty, data: status === 404 ? words.data : undefined },
  );
}

/**
 * An answer of a proxy, an ingress or another server in Vault's place. The request is not repeated at once: it may
 * have created something. The caller (a broker, a controller, the next sweep) tries again.
 */
export function foreignAnswer(operation: string, status: number): VaultError {
  const { message } = invalidAnswer(operation);
  // Leaves out the status, which says nothing about Vault.
  if (status === 200 || status === 204) return invalidAnswer(operation);
  const place = `HTTP ${status}: a proxy or another server may have answered in its place, see vaultAddress`;
  return new VaultError('vault_answer_invalid', `${message} (${place})`, { operation });
}

/** Failures that pass by themselves, or that Vault's operator fixes. */
function whyUnavailable(status: number, detail: string): string | undefined {
  if (status === 503 && /sealed/i.test(detail)) return 'Vault is sealed; its operator has to unseal it';
  // Both occur while the active node changes: a standby has nobody to forward the request to.
  if (status === 500 && /active cluster node not found/i.test(detail))
    return 'Vault has no active node at the moment';
  if (status === 307) return 'a Vault standby did not forward the request';
  if (status === 412) return 'a Vault standby has not caught up yet';
  if (status >= 502 && status <= 504) return `Vault is not available at the moment (HTTP ${status})`;
  return undefined;
}

interface Words {
  readonly detail: string;
  /** Whether Vault sends no message at all: `{"errors":[]}`. */
  readonly isEmpty: boolean;
  readonly data: unknown;
}

const Errors = v.union([
  v.looseObject({ errors: v.pipe(v.array(v.string()), v.nonEmpty()) }),
  // Vault reports an empty path with exactly these words: any other message is not Vault's.
  v.strictObject({ errors: v.pipe(v.array(v.string()), v.maxLength(0)) }),
]);
const Envelope = v.object({ request_id: v.string(), data: v.unknown() });

/** @returns `undefined` for a body that is not Vault's, such as a proxy's page. */
function wordsIn(body: string): Words | undefined {
  const parsed = parseJson(body);
  const refused = v.safeParse(Errors, parsed);
  if (refused.success) {
    const { errors } = refused.output;
    const detail = printable(errors.slice(0, MOST_ERRORS).join('; '));
    return { detail, isEmpty: errors.length === 0, data: undefined };
  }
  const answered = v.safeParse(Envelope, parsed);
  return answered.success ? { detail: '', isEmpty: false, data: answered.output.data } : undefined;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

const TLS_FAULT = /^(?:ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|UNABLE_TO|DEPTH_ZERO|HOSTNAME_MISMATCH)/;

/** A request without an answer. */
export function noAnswer(operation: string, thrown: unknown): VaultError {
  // It could not be sent at all: the error itself says why.
  if (thrown instanceof InjectorError)
    return new VaultError(thrown.code, thrown.message, { operation, cause: thrown });
  const code = codeOf(thrown) ?? 'unknown';
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
