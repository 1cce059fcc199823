import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERROR_CATALOGUE, type ErrorCode } from '../errors.ts';

/**
 * Refuses a body that is too long, by its declared length before it is read or as soon as it grows beyond the limit,
 * and one that is compressed, whose length says nothing.
 *
 * @returns whether the request has been answered.
 */
export function refuseOversize(request: IncomingMessage, response: ServerResponse, limit: number): boolean {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    return refuse(request, response, 'request_encoding', 'the body is encoded: expected it plain');
  }
  const tooLarge = `the body is too large: expected at most ${limit} bytes`;
  if (Number(request.headers['content-length'] ?? 0) > limit)
    return refuse(request, response, 'request_too_large', tooLarge);
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limit && !response.headersSent) refuse(request, response, 'request_too_large', tooLarge);
  });
  return false;
}

function refuse(request: IncomingMessage, response: ServerResponse, code: ErrorCode, line: string): true {
  response.writeHead(ERROR_CATALOGUE[code].status, {
    'content-type': 'text/plain; charset=utf-8',
    connection: 'close',
  });
  // The answer has to reach the client before its upload is cut off.
  response.end(`${line}\n`, () => request.destroy());
  return true;
}
