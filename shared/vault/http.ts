/**
 * One HTTP exchange with Vault on kept-alive connections. node-vault's own transport (axios) is replaced by this one
 * because it neither aborts a request on a signal nor exposes response headers, and takes half of a cold start.
 */
import http from 'node:http';
import { InjectorError } from '../errors.ts';
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
      send: (request) => followed(request, named, (sent) => exchange(http.request, agent, sent)),
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
      return followed(request, named, (sent) => exchange(https.request, current, sent));
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

function exchange(request: typeof http.request, agent: http.Agent, sent: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const headers = { ...sent.headers, 'content-length': String(Buffer.byteLength(sent.body ?? '')) };
    const outgoing = request(
      sent.uri,
      { method: sent.method, headers, agent, signal: sent.signal },
      (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_ANSWER_BYTES) incoming.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        incoming.on('error', reject);
        // A truncated answer has no `end`.
        incoming.on('aborted', () =>
          reject(Object.assign(new Error('the answer was cut off'), { code: 'ECONNRESET' })),
        );
        incoming.on('end', () =>
          resolve({
            statusCode: incoming.statusCode ?? 0,
            retryAfter: incoming.headers['retry-after'],
            location: incoming.headers.location,
            date: incoming.headers.age === undefined ? incoming.headers.date : undefined,
            isJson: /^application\/json\b/i.test(incoming.headers['content-type'] ?? ''),
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(sent.body);
  });
}
