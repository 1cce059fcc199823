/**
 * All requests to Vault: node-vault speaks the API, this module adds what it lacks — deadlines, retries with jitter,
 * `Retry-After`, and a token per request instead of per client.
 */
import nodeVault from 'node-vault';
import { type Deadline, deadlineIn, monotonicClock, within } from '../deadline.ts';
import { retry } from '../retry.ts';
import type { Secret } from '../secret.ts';
import type { CaFile } from './ca-file.ts';
import { foreignAnswer, noAnswer, refusal, timedOut, VaultError } from './failure.ts';
import { createHttpExchange } from './http.ts';
import { createPace } from './pace.ts';
import type { VaultTime } from './time.ts';

/** A unit of work: its deadline, and the number of requests it has cost so far. */
export interface Work {
  readonly deadline: Deadline;
  vaultCalls: number;
  /** Id of the request that the work is for: a header of each request to Vault, for its audit log. */
  readonly correlationId?: string;
  /** Trace context of that request, if it has one. */
  readonly traceId?: string;
  /** The failure of the previous attempt. */
  lastFailure?: VaultError;
}

/** @param origin of the request that the work is for, if it is for one. */
export function beginWork(deadline: Deadline, origin: Pick<Work, 'correlationId' | 'traceId'> = {}): Work {
  return { deadline, vaultCalls: 0, ...origin };
}

export interface VaultRequest {
  /** A verb phrase that completes "Vault would not …". */
  readonly operation: string;
  /** The operation's name in metrics, if its phrase contains roles or mounts. */
  readonly label?: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** A path built by `vaultPath`. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly token?: Secret;
  /** Response wrapping: Vault answers with a token that gives the answer once, within this many seconds. */
  readonly wrapTtlSeconds?: number;
  /** Sent only once: if the answer was lost, a second attempt would be refused. */
  readonly once?: boolean;
  readonly work: Work;
  /** Gets an answer that arrives after the deadline, so that what it created can be undone. */
  readonly onLate?: (answer: Promise<unknown>) => void;
}

export interface VaultRequests {
  /** Number of requests sent so far, including logins and retries. */
  sent(): number;
  /**
   * Repeats until there is an answer, a permanent failure, or the deadline is over; sends only once if requested.
   *
   * @returns the parsed body; `undefined` without one.
   * @throws VaultError
   */
  send(request: VaultRequest): Promise<unknown>;
  close(): void;
}

/** A finished request, answered or failed. */
export interface SentRequest {
  readonly operation: string;
  /** `2xx`, another HTTP status, or the failure: `timeout`, `unreachable`, `tls`, `invalid`. */
  readonly status: string;
  readonly durationMs: number;
}

export interface VaultRequestsOptions {
  readonly address: string;
  readonly namespace: string | undefined;
  readonly caFile: CaFile | undefined;
  /** Local address to send from; absent: the system chooses. */
  readonly localAddress?: string | undefined;
  /** Hosts that a redirect may lead to, beside the address' own. */
  readonly redirectHosts?: readonly string[] | undefined;
  /** Requests per second; absent: unlimited. */
  readonly rateLimit: number | undefined;
  /** Uniform in [0, 1): the jitter. */
  readonly random: () => number;
  readonly onSent: (request: SentRequest) => void;
  /** Learns Vault's clock from its answers. */
  readonly time?: Pick<VaultTime, 'observe'>;
}

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1_000;
const LATE_ANSWERS_MS = 30_000;

export function createVaultRequests(options: VaultRequestsOptions): VaultRequests {
  const exchange = createHttpExchange(options.address, options);
  const client = nodeVault({
    endpoint: options.address,
    apiVersion: 'v1',
    // node-vault's debug output would print JWTs and tokens.
    debug: () => {},
    // Neither node-vault's checks of our typed requests nor its methods per path are used.
    tv4: Object.assign(() => true, { validate: () => true }),
    commands: {},
    mustache: {},
    'request-promise': { defaults: () => sendOnce },
  });
  // node-vault falls back to VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX; only the configuration may set these.
  Object.assign(client, { token: '', pathPrefix: '', namespace: options.namespace ?? '' });

  async function sendOnce(sent: Exchange) {
    const body = sent.json === undefined ? undefined : JSON.stringify(sent.json);
    const { uri, method, headers, signal, operation } = sent;
    const sentAt = monotonicClock();
    const answer = await exchange.send({ uri, method, headers, body, signal });
    const { statusCode, retryAfter } = answer;
    if (statusCode !== 200 && statusCode !== 204) {
      throw refusal({ operation, status: statusCode, retryAfter, body: answer.body });
    }
    const parsed = parseAnswer(operation, answer);
    // A proxy's answer says nothing about Vault's clock.
    if (parsed === undefined || 'request_id' in parsed)
      options.time?.observe(answer.date, sentAt, monotonicClock());
    return { statusCode, body: parsed, request: { path: uri } };
  }

  const pace = createPace(options.rateLimit);
  let sent = 0;

  async function sendInTurn(request: VaultRequest): Promise<unknown> {
    const { operation, label = operation, method, path, body, token, wrapTtlSeconds, work, onLate } = request;
    const inTurn = await pace(work.deadline);
    if (!inTurn || work.deadline.remainingMs() <= 0) throw timedOut(operation, work.deadline.signal.reason);
    work.vaultCalls += 1;
    sent += 1;
    const headers = {
      ...(token && { 'x-vault-token': token.reveal() }),
      ...(wrapTtlSeconds !== undefined && { 'x-vault-wrap-ttl': `${wrapTtlSeconds}s` }),
      ...(work.correlationId !== undefined && { 'x-correlation-id': work.correlationId }),
    };
    const startedAt = monotonicClock();
    const reportSent = (status: string) =>
      options.onSent({ operation: label, status, durationMs: monotonicClock() - startedAt });
    async function exchange(): Promise<unknown> {
      using patience = onLate ? deadlineIn(LATE_ANSWERS_MS, monotonicClock) : undefined;
      const { signal } = patience ?? work.deadline;
      try {
        const answered = await client.request({ path, method, json: body, headers, signal, operation });
        reportSent('2xx');
        return answered;
      } catch (thrown) {
        reportSent(signal.aborted ? 'timeout' : statusOf(thrown, operation));
        throw thrown;
      }
    }
    const answer = exchange();
    return within(work.deadline, answer, (cause) => {
      onLate?.(answer);
      return timedOut(operation, cause);
    });
  }

  /** Wait before the next attempt; `undefined`: no retry. */
  function delayAfter(failure: unknown, attempts: number): number | undefined {
    if (!(failure instanceof VaultError)) return undefined;
    if (failure.code !== 'vault_tls') return backOff(failure, attempts, options.random);
    // The CA may have been replaced since the file was last read.
    options.caFile?.expire();
    return attempts === 1 ? 0 : undefined;
  }

  /** @throws VaultError */
  async function attempt(request: VaultRequest): Promise<unknown> {
    const { operation, work, once } = request;
    if (work.deadline.remainingMs() <= 0) throw timedOut(operation, work.deadline.signal.reason);
    try {
      return await sendInTurn(request);
    } catch (thrown) {
      const failure = thrown instanceof VaultError ? thrown : noAnswer(operation, thrown);
      if (!once) work.lastFailure = failure;
      throw failure;
    }
  }

  async function send(request: VaultRequest): Promise<unknown> {
    if (request.once) return attempt(request);
    return retry(() => attempt(request), { deadline: request.work.deadline, delayAfter });
  }

  return { send, sent: () => sent, close: exchange.close };
}

interface Exchange {
  readonly uri: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly signal: AbortSignal;
  readonly operation: string;
}

function statusOf(thrown: unknown, operation: string): string {
  const { status, code } = thrown instanceof VaultError ? thrown : noAnswer(operation, thrown);
  return status > 0 ? String(status) : code.replace('vault_', '').replace('answer_', '');
}

/** Vault's 200 has a JSON object; its 204 has no body, but the same content type. */
function parseAnswer(
  operation: string,
  { statusCode, body, isJson }: { statusCode: number; body: string; isJson: boolean },
): object | undefined {
  if (statusCode === 204 && isJson && body === '') return undefined;
  if (statusCode === 204 || body === '') throw foreignAnswer(operation, statusCode);
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch {
    // Leaves out the cause: the parser's message quotes the body, which may hold a secret.
  }
  throw foreignAnswer(operation, statusCode);
}

/** Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/); `undefined`: do not retry. */
function backOff(failure: VaultError, attempts: number, random: () => number): number | undefined {
  if (!failure.retryable || failure.code === 'vault_timeout' || failure.code === 'vault_answer_invalid')
    return undefined;
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts);
  return (failure.retryAfterMs ?? 0) + random() * ceiling;
}
