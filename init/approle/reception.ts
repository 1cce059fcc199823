/** Listens until one post was good. What is not is answered with 4xx, and waiting goes on. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { asInjectorError, ERROR_CATALOGUE, InjectorError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Post } from './post.ts';

export interface Reception {
  /** Resolves when whoever sent it has been told that it was taken. */
  readonly taken: Promise<Post>;
  close(): void;
}

export interface ReceptionParts {
  readonly tls: { readonly cert: string; readonly key: string };
  /** Absent: all of them. */
  readonly address: string | undefined;
  /** @throws InjectorError for what is not good. */
  readonly read: (body: string) => Post;
  readonly log: Logger;
}

const PORT = 50_000;
// A bundle of authorities is the longest of it.
const MAX_BODY_BYTES = 1024 * 1024;
const REQUEST_WITHIN_MS = 10_000;
const MOST_CONNECTIONS = 64;

/** @throws InjectorError `configuration_invalid` where it cannot listen. */
export async function openReception({ tls, address, read, log }: ReceptionParts): Promise<Reception> {
  const { promise: taken, resolve: take } = Promise.withResolvers<Post>();
  let hasOne = false;

  async function receive(request: IncomingMessage): Promise<Post> {
    if (request.url !== '/') throw new InjectorError('request_not_found', 'there is nothing at this path');
    if (request.method !== 'POST') throw new InjectorError('request_method', 'expected POST');
    const post = read(await bodyOf(request));
    if (hasOne) throw new InjectorError('secret_id_repeated', 'this init container has a secret_id');
    hasOne = true;
    return post;
  }

  const server = createServer({ ...tls, requestTimeout: REQUEST_WITHIN_MS }, (request, response) => {
    receive(request).then(
      (post) => answer(response, 200, 'taken', () => take(post)),
      (thrown: unknown) => {
        const { code, message } = asInjectorError(thrown);
        log.warn(`a post is refused: ${message}`, { code });
        response.shouldKeepAlive = false;
        answer(response, ERROR_CATALOGUE[code].status, message);
      },
    );
  });
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(address, cause)));
    server.listen({ port: PORT, host: address }, resolve);
  });
  return {
    taken,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new InjectorError('request_too_large', 'the body is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, status: number, line: string, sent?: () => void): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${line}\n`, sent);
}

function cannotListen(address: string | undefined, cause: unknown): InjectorError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const where = address === undefined ? `port ${PORT}` : `port ${PORT} of ${address}`;
  return new InjectorError(
    'configuration_invalid',
    `cannot listen at ${where} (${code}): another container of the pod may have it`,
    { cause },
  );
}
