/**
 * One HTTP exchange with Vault on kept-alive connections. node-vault's own transport (axios) is replaced by this one
 * because it neither ends a request on a signal nor shows response headers, and costs a cold start half of its time.
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
  /** The server's clock, as RFC 9110 writes it (`Date`); absent where a cache has kept the answer (`Age`), or nobody says. */
  readonly date: string | undefined;
  /** Whether the headers say that the body is JSON; Vault's 204 says so too. */
  readonly isJson: boolean;
  readonly body: string;
}

export interface HttpExchange {
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

// Far above any answer that this client asks for but the ledger's list; a broken proxy must not fill the memory.
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const KEPT_ALIVE = { keepAlive: true, maxSockets: 64, scheduling: 'lifo' } as const;

interface HttpOptions {
  readonly caFile?: CaFile | undefined;
  /** Which of this machine's own to ask from; absent: as it finds. */
  readonly localAddress?: string | undefined;
  /** Where a redirect may lead, beside the address's own host: names, with a port or at that of the address. */
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
        // Requests under way finish on the old agent; its idle connections end with their keep-alive.
        // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: there is no way to skip the check.
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
 * (https://developer.hashicorp.com/vault/docs/concepts/ha#client-redirection): it is asked once, never with less
 * protection than the address that was configured, and only where the configuration names it: our token goes with the
 * request.
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
    `Vault's answer leads to ${host}, which is not named, so nothing is sent there: if it is a node of Vault, name it in vaultRedirectHosts, or ask it itself`,
  );
}

/** As they stand in a URL, without the port that its scheme has anyway. */
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
        // An answer that was cut off has no `end`.
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
