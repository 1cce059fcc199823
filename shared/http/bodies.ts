/** Request bodies: judged by their head, and read within limits of length, of total memory, and of time. */
import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import type { TlsOptions } from 'node:tls';
import { InjectorError } from '../errors.ts';

/**
 * How long Node's server waits for a request: for its head, and for all of it. A body that trickles in is answered
 * with 408 and its connection closed.
 */
export const PATIENCE = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  connectionsCheckingInterval: 500,
} as const satisfies ServerOptions;

/** Adds a limit for the TLS handshake: Node's default is two minutes. */
export const TLS_PATIENCE = { ...PATIENCE, handshakeTimeout: 5_000 } as const satisfies TlsOptions;

export interface BodyLimits {
  /** Bytes of one body. */
  readonly one: number;
  /** Total bytes of bodies being read or not yet answered. */
  readonly all: number;
}

export interface Bodies {
  /**
   * Resolves with the whole body; its bytes count until the response has ended.
   *
   * @throws InjectorError `request_encoding`, `request_too_large`, `too_busy`, `request_aborted`
   */
  read(request: IncomingMessage, response: ServerResponse): Promise<Buffer>;
}

// Each chunk is an object of its own: 4 MiB sent byte by byte would take hundreds of MiB. A normal body arrives in a
// few thousand chunks at most.
const MOST_PIECES = 10_000;

export function createBodies({ one, all }: BodyLimits): Bodies {
  let total = 0;

  return {
    async read(request, response) {
      refuseByHead(request, one);
      let reserved = 0;
      /** @throws InjectorError `too_busy` */
      const reserve = (bytes: number) => {
        if (total + bytes - reserved > all) throw tooBusy();
        total += bytes - reserved;
        reserved = bytes;
      };
      response.once('close', () => {
        total -= reserved;
        reserved = 0;
      });
      reserve(declaredBytes(request));
      return collect(request, (bytes, pieces) => {
        if (pieces > MOST_PIECES)
          throw new InjectorError(
            'request_too_large',
            `the body is in too many pieces: expected at most ${MOST_PIECES}`,
          );
        if (bytes > one) throw tooLarge(one);
        if (bytes > reserved) reserve(bytes);
      });
    },
  };
}

/** @param grow gets each new length and number of chunks, and throws if it is too much. */
function collect(request: IncomingMessage, grow: (bytes: number, pieces: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      try {
        grow(bytes, chunks.length + 1);
        chunks.push(chunk);
      } catch (error) {
        request.off('data', take);
        chunks.length = 0;
        reject(error);
      }
    };
    const giveUp = () => reject(new InjectorError('request_aborted', 'the caller hung up'));
    request.on('data', take);
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.once('error', giveUp);
    request.once('close', () => request.readableEnded || giveUp());
  });
}

/** @throws InjectorError */
function refuseByHead(request: IncomingMessage, most: number): void {
  const encoding = request.headers['content-encoding'];
  // The length would say nothing about a compressed body.
  if (encoding !== undefined && encoding !== 'identity')
    throw new InjectorError('request_encoding', 'the body is compressed: expected no content encoding');
  if (declaredBytes(request) > most) throw tooLarge(most);
}

const declaredBytes = ({ headers }: IncomingMessage) => Number(headers['content-length'] ?? 0);

export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || declaredBytes(request) > 0;
}

function tooLarge(most: number): InjectorError {
  return new InjectorError('request_too_large', `the body is too large: expected at most ${most} bytes`);
}

function tooBusy(): InjectorError {
  return new InjectorError('too_busy', 'too many requests at once; try again');
}
