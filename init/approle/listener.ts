/** Listens until a valid post has come. Invalid ones are answered with 4xx, and it keeps waiting. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { asInjectorError, codeOf, ERROR_CATALOGUE, InjectorError } from '../../shared/errors.ts';
import { createBodies, TLS_PATIENCE } from '../../shared/http/bodies.ts';
import { oneAtATime } from '../../shared/http/one-at-a-time.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';
import type { Post } from './post.ts';

export interface SecretIdListener {
  /** Resolves when the sender has been told that its post was accepted. */
  readonly taken: Promise<Post>;
  close(): void;
}

export interface ListenerOptions {
  readonly tls: { readonly cert: string; readonly key: string };
  /** Absent: all interfaces. */
  readonly address: string | undefined;
  /** @throws InjectorError for an invalid post. */
  readonly read: (body: Buffer) => Post;
  readonly log: Logger;
}

const PORT = 50_000;
// The bundle of authorities is the longest part.
const BODY_BYTES = { one: 1024 * 1024, all: 4 * 1024 * 1024 };
const MOST_CONNECTIONS = 64;

/** @throws InjectorError `configuration_invalid` if it cannot listen. */
export async function listenForSecretId({
  tls,
  address,
  read,
  log,
}: ListenerOptions): Promise<SecretIdListener> {
  const { promise: taken, resolve: take } = Promise.withResolvers<Post>();
  let hasOne = false;

  const bodies = createBodies(BODY_BYTES);

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<Post> {
    if (request.url !== '/') throw new InjectorError('request_not_found', 'there is nothing at this path');
    if (request.method !== 'POST') throw new InjectorError('request_method', 'expected POST');
    const post = read(await bodies.read(request, response));
    if (hasOne) throw new InjectorError('secret_id_repeated', 'this init container already has a secret_id');
    hasOne = true;
    return post;
  }

  const server = createServer(
    { ...tls, ...TLS_PATIENCE },
    oneAtATime((request, response) => {
      receive(request, response).then(
        (post) => answer(response, 200, 'taken', () => take(post)),
        (thrown: unknown) => {
          const { code, message } = asInjectorError(thrown);
          log.warn(`a post was refused: ${message}`, { code });
          answer(response, ERROR_CATALOGUE[code].status, message);
        },
      );
    }),
  );
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

function answer(response: ServerResponse, status: number, line: string, sent?: () => void): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${line}\n`, sent);
}

function cannotListen(address: string | undefined, cause: unknown): InjectorError {
  const code = codeOf(cause) ?? 'unknown';
  const where = address === undefined ? `port ${PORT}` : `port ${PORT} of ${address}`;
  return new InjectorError(
    'configuration_invalid',
    `cannot listen at ${where} (${code}): another container of the pod may be using it`,
    { cause },
  );
}
