/**
 * HTTP client for the API server, authenticated as the pod's service account or the KUBECONFIG user.
 * @kubernetes/client-node finds address and credentials (and follows token rotation). We parse answers ourselves and
 * keep only what was asked for; its typed client would build whole objects. It is loaded with the first request.
 */
import type { RequestOptions } from 'node:http';
import * as v from 'valibot';
import { type Deadline, within } from '../deadline.ts';
import { codeOf, type ErrorCode, InjectorError } from '../errors.ts';
import { AnswerOverLimit, type ExchangeAnswer, exchange } from '../http/exchange.ts';
import { retry } from '../retry.ts';
import { printable } from '../secret.ts';
import { onceSuccessful } from '../single-flight.ts';
import { kubeconfigFault } from './kubeconfig-fault.ts';

interface KubernetesRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Absolute path, including the query. */
  readonly path: string;
  readonly accept?: string;
  readonly body?: object;
  readonly deadline: Deadline;
}

export interface KubernetesApi {
  /** @throws KubernetesError */
  send(request: KubernetesRequest): Promise<unknown>;
}

export interface KubernetesClient extends KubernetesApi {
  /** Loads ahead what the first request needs; a failure shows up in that request. */
  prepare(): Promise<void>;
  /** The namespace that the process runs in. @throws KubernetesError if it cannot be determined. */
  namespace(): Promise<string>;
  /** URL of the API server. @throws KubernetesError if none is configured. */
  address(): Promise<string>;
}

export class KubernetesError extends InjectorError {
  /** HTTP status, or 0 without an answer. */
  readonly status: number;
  /** The API server's reason (`Status.reason`): a proxy's 404 has none. */
  readonly reason: string;

  constructor(
    code: ErrorCode,
    message: string,
    status: number,
    options?: { cause?: unknown; reason?: string },
  ) {
    super(code, message, { cause: options?.cause });
    this.name = 'KubernetesError';
    this.status = status;
    this.reason = options?.reason ?? '';
  }
}

/** The answer is larger than this process may hold. A list can be requested in smaller pages. */
export class AnswerTooLong extends KubernetesError {
  constructor() {
    super(
      'kubernetes_rejected',
      `the API server's answer is too long: expected at most ${MAX_ANSWER_BYTES} bytes`,
      0,
    );
    this.name = 'AnswerTooLong';
  }
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;

/**
 * @param kubeconfig file to use instead of the process' own environment.
 * @param context of the kubeconfig; absent: its current one.
 */
export function createKubernetesApi(kubeconfig?: string, context?: string): KubernetesClient {
  const connected = onceSuccessful(connect);

  async function connect() {
    const [{ KubeConfig }, https] = await Promise.all([
      import('@kubernetes/client-node'),
      import('node:https'),
    ]);
    const config = new KubeConfig();
    try {
      if (kubeconfig === undefined) config.loadFromDefault();
      else config.loadFromFile(kubeconfig);
    } catch (cause) {
      throw unusable(cause);
    }
    if (context !== undefined) config.setCurrentContext(context);
    const { server, proxyUrl } = config.getCurrentCluster() ?? {};
    if (!server && context !== undefined)
      throw new KubernetesError('kubernetes_denied', `the kubeconfig has no context "${context}"`, 0);
    if (!server)
      throw new KubernetesError('kubernetes_denied', 'no API server is configured for this process', 0);
    const identity = await identityIn(config);
    const viaProxy = proxyUrl ? identity.agent : undefined;
    const agent = viaProxy ?? new https.Agent({ keepAlive: true, maxSockets: 16, ...pick(identity) });
    return { server, config, agent, https };
  }

  async function ask({ method, path, accept, body, deadline }: KubernetesRequest): Promise<ExchangeAnswer> {
    const { server, config, agent, https } = await inTime(connected(), deadline);
    // Read for each request: the kubelet replaces the token within the hour.
    const identity = await inTime(identityIn(config), deadline);
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...headersOf(identity),
      accept: accept ?? 'application/json',
      // Sets the length as well: Node adds none to a DELETE, and its body would be taken for the next request.
      ...(sent && {
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        'content-length': Buffer.byteLength(sent),
      }),
    };
    return await exchange(https.request, {
      url: new URL(`${server.replace(/\/$/, '')}${path}`),
      method,
      headers,
      agent,
      body: sent,
      signal: deadline.signal,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    });
  }

  /** @throws KubernetesError unless the API server did what it was asked to do. */
  async function attempt(request: KubernetesRequest): Promise<ExchangeAnswer> {
    const answer = await ask(request).catch((cause: unknown) => {
      if (cause instanceof AnswerOverLimit) throw new AnswerTooLong();
      throw cause instanceof KubernetesError ? cause : unreachable(cause, request.deadline);
    });
    const failure = refusal(answer);
    if (failure) throw failure;
    return answer;
  }

  return {
    async send(request) {
      const { deadline } = request;
      const { body } = await retry(() => attempt(request), { deadline, delayAfter });
      return parse(body);
    },
    prepare: () =>
      connected().then(
        () => {},
        () => {},
      ),
    address: async () => (await connected()).server,
    async namespace() {
      const { config } = await connected();
      const { namespace } = config.getContextObject(config.getCurrentContext()) ?? {};
      if (namespace) return namespace.trim();
      throw new KubernetesError('kubernetes_denied', 'nothing says which namespace this process runs in', 0);
    },
  };
}

/** Wait before the next attempt; `undefined`: no retry. */
function delayAfter(failure: unknown, attempts: number): number | undefined {
  const isWorthIt = failure instanceof KubernetesError && failure.retryable && attempts < ATTEMPTS;
  return isWorthIt ? FIRST_PAUSE_MS * 3 ** (attempts - 1) * (0.5 + Math.random()) : undefined;
}

/** Credentials of the kubeconfig's user; an exec plugin is run for them. */
async function identityIn(config: {
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}): Promise<RequestOptions> {
  const identity: RequestOptions = {};
  await config.applyToHTTPSOptions(identity).catch((cause: unknown) => {
    throw unusable(cause);
  });
  return identity;
}

const unusable = (cause: unknown): KubernetesError =>
  new KubernetesError('kubernetes_denied', `the kubeconfig cannot be used: ${kubeconfigFault(cause)}`, 0, {
    cause,
  });

/** A plugin may take any time, for example while it waits for a person. */
const inTime = <T>(promise: Promise<T>, deadline: Deadline): Promise<T> =>
  within(deadline, promise, lateFor("the kubeconfig's credentials were not there in time"));

/** Error for `within`: what the API server, or the way to it, did not do in time. */
export const lateFor = (message: string) => (cause: unknown) =>
  new KubernetesError('kubernetes_timeout', message, 0, { cause });

// The options that client-node writes, which Node declares with wider types.
function pick({ ca, cert, key, servername, rejectUnauthorized }: HttpsOptions) {
  const bytes = (value: unknown) => (typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined);
  return {
    ca: bytes(ca),
    cert: bytes(cert),
    key: bytes(key),
    ...(servername && { servername }),
    // Set by the kubeconfig's insecure-skip-tls-verify, and by nothing else.
    ...(rejectUnauthorized === false && { rejectUnauthorized }),
  };
}

type HttpsOptions = RequestOptions & {
  ca?: unknown;
  cert?: unknown;
  key?: unknown;
  servername?: string;
  rejectUnauthorized?: boolean;
};

function headersOf({ headers }: RequestOptions): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}

function refusal({ status, body }: ExchangeAnswer): KubernetesError | undefined {
  if (status >= 200 && status < 300) return undefined;
  const { message: text, reason } = statusIn(body);
  // A policy's own message follows the names of object, policy and binding.
  const detail = printable(text, 400);
  if (status === 401 || status === 403) {
    return new KubernetesError('kubernetes_denied', `the API server does not allow it: ${detail}`, status);
  }
  if (status === 429 || status >= 500) {
    return new KubernetesError(
      'kubernetes_unavailable',
      `the API server is not available (HTTP ${status})`,
      status,
    );
  }
  return new KubernetesError(
    'kubernetes_rejected',
    `the API server refused (HTTP ${status}): ${detail}`,
    status,
    { reason },
  );
}

const Status = v.object({
  kind: v.literal('Status'),
  message: v.optional(v.string(), ''),
  reason: v.optional(v.string(), ''),
});

/** An answer that is not a Status object is judged by its HTTP status. */
function statusIn(body: string): { readonly message: string; readonly reason: string } {
  try {
    return v.parse(Status, JSON.parse(body));
  } catch {
    return { message: '', reason: '' };
  }
}

function unreachable(cause: unknown, deadline: Deadline): KubernetesError {
  if (deadline.signal.aborted)
    return new KubernetesError('kubernetes_timeout', 'the API server did not answer in time', 0, { cause });
  const code = codeOf(cause) ?? 'unknown';
  return new KubernetesError('kubernetes_unavailable', `the API server cannot be reached (${code})`, 0, {
    cause,
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new KubernetesError('kubernetes_unavailable', "the API server's answer is not JSON", 200);
  }
}

/** The API server's answer, if it matches the schema. */
export function checked<S extends v.GenericSchema>(schema: S, answer: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, answer);
  if (parsed.success) return parsed.output;
  throw new KubernetesError(
    'kubernetes_unavailable',
    "the API server's answer is not what its API promises",
    200,
  );
}
