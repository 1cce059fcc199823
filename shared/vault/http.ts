/**
 * HTTP to Vault on kept-alive connections, following a standby to the active node. node-vault's own transport (axios) is replaced by this one
 * because it neither aborts a request on a signal nor exposes response headers, and takes half of a cold start.
 */
import http from 'node:http';
import { InjectorError } from '../errors.ts';
import { exchange } from '../http/exchange.ts';
import { printable } from '../secret.ts';
import type { CaFile } from './ca-file.ts';

interface HttpRequest {
  readonly uri: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

interface HttpResponse {
  readonly statusCode: number;
  readonly retryAfter: string | undefined;
  readonly location: string | undefined;
  /** The server's clock (`Date`, RFC 9110); absent if the answer comes from a cache (`Age`) or has no date. */
  readonly date: string | undefined;
  /** Whether the headers declare a JSON body; Vault's 204 does so too. */
  readonly isJson: boolean;
  readonly body: string;
}

export interface HttpExchange {
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

// Far above any answer but the ledger's list; a broken proxy must not fill the memory.
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const KEPT_ALIVE = { keepAlive: true, maxSockets: 64, scheduling: 'lifo' } as const;

interface HttpOptions {
  readonly caFile?: CaFile | undefined;
  /** Local address to send from; absent: the system chooses. */
  readonly localAddress?: string | undefined;
  /** Hosts that a redirect may lead to, beside the address' own: names, with a port or with that of the address. */
  readonly redirectHosts?: readonly string[] | undefined;
}

export function createHttpExchange(
  address: string,
  { caFile, localAddress, redirectHosts = [] }: HttpOptions = {},
): HttpExchange {
  const named = namedHosts(address, redirectHosts);
  const agentOptions = { ...KEPT_ALIVE, ...(localAddress !== undefined && { localAddress }) };
  if (!address.startsWith('https:')) {
    const agent = new http.Agent(agentOptions);
    return {
      send: (request) => followed(request, named, (sent) => answerTo(http.request, agent, sent)),
      close: () => agent.destroy(),
    };
  }
  let agent: http.Agent | undefined;
  let trusted: string | undefined;
  return {
    async send(request) {
      const https = await import('node:https');
      const ca = caFile?.read();
      if (!agent || ca !== trusted) {
        // Running requests finish on the old agent; its idle connections end with their keep-alive.
        // NODE_TLS_REJECT_UNAUTHORIZED has no effect: certificates are always checked.
        agent = new https.Agent({ ...agentOptions, ca, rejectUnauthorized: true });
        trusted = ca;
      }
      const current = agent;
      return followed(request, named, (sent) => answerTo(https.request, current, sent));
    },
    close: () => agent?.destroy(),
  };
}

/**
 * A standby that does not forward names the active node
 * (https://developer.hashicorp.com/vault/docs/concepts/ha#client-redirection): we follow once, never with less
 * protection than the configured address, and only to a configured host: our token goes with the request.
 *
 * @throws InjectorError `vault_unavailable` for another host.
 */
async function followed(
  request: HttpRequest,
  named: ReadonlySet<string>,
  send: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const answer = await send(request);
  if ((answer.statusCode !== 307 && answer.statusCode !== 308) || answer.location === undefined)
    return answer;
  const there = URL.parse(answer.location, request.uri);
  if (there?.protocol !== new URL(request.uri).protocol) return answer;
  if (named.has(there.host)) return send({ ...request, uri: there.href });
  const host = printable(there.host, 253);
  throw new InjectorError(
    'vault_unavailable',
    `Vault redirects to ${host}, which is not in vaultRedirectHosts, so the redirect was not followed: if it is a node of Vault, add it there, or point vaultAddress to it`,
  );
}

/** Host and port of a URL, without the scheme's default port. */
function namedHosts(address: string, redirectHosts: readonly string[]): ReadonlySet<string> {
  const { protocol, host, port } = new URL(address);
  const others = redirectHosts.map((one) => {
    const withPort = /:\d+$/.test(one) || port === '' ? one : `${one}:${port}`;
    return new URL(`${protocol}//${withPort}`).host;
  });
  return new Set([host, ...others]);
}

async function answerTo(
  request: typeof http.request,
  agent: http.Agent,
  { uri, method, headers, body, signal }: HttpRequest,
): Promise<HttpResponse> {
  const length = String(Buffer.byteLength(body ?? ''));
  const answer = await exchange(request, {
    url: uri,
    method,
    headers: { ...headers, 'content-length': length },
    agent,
    body,
    signal,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  const { 'retry-after': retryAfter, 'content-type': type = '', location, age, date } = answer.headers;
  return {
    statusCode: answer.status,
    retryAfter,
    location,
    date: age === undefined ? date : undefined,
    isJson: /^application\/json\b/i.test(type),
    body: answer.body,
  };
}
