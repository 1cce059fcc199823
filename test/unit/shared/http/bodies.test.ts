/** Bodies as a function's server reads them: judged by the head, and all of them together within a limit. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { asInjectorError } from '../../../../shared/errors.ts';
import { createBodies } from '../../../../shared/http/bodies.ts';

let server: Server | undefined;
afterEach(() => server?.close().closeAllConnections());

/** Answers with what has become of the body, once `release` is called. */
async function serve() {
  const bodies = createBodies({ one: 10, all: 25 });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const read: string[] = [];
  server = createServer((incoming, response) => {
    bodies
      .read(incoming, response)
      .then(async (body) => {
        read.push(body.toString());
        await released;
        return body.toString();
      })
      .catch((thrown: unknown) => asInjectorError(thrown).code)
      .then((outcome) => response.end(outcome));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;

  function send(body: string, headers: Record<string, string | number> = { 'content-length': body.length }) {
    const { promise, resolve } = Promise.withResolvers<string>();
    const sent = request({ port, host: '127.0.0.1', method: 'POST', headers, agent: false }, (answer) => {
      answer.setEncoding('utf8').on('data', resolve);
    });
    sent.on('error', () => resolve('broken'));
    sent.write(body);
    return { answer: promise, end: () => sent.end(), destroy: () => sent.destroy() };
  }
  const whole = (body: string, headers?: Record<string, string | number>) => {
    const { answer, end } = send(body, headers);
    end();
    return answer;
  };
  return { send, whole, release, read };
}

describe('a body', () => {
  test('is read as it was sent', async () => {
    const { whole, release } = await serve();
    release();
    expect(await Promise.all([whole('0123456789'), whole('x', {})])).toEqual(['0123456789', 'x']);
  });

  test('that is too long is refused by its head, before it comes', async () => {
    const { send } = await serve();
    expect(await send('x', { 'content-length': 11 }).answer).toBe('request_too_large');
    expect(await send('x', { 'content-length': 1, 'content-encoding': 'gzip' }).answer).toBe(
      'request_encoding',
    );
  });

  test('that turns out to be too long is refused', async () => {
    const { whole } = await serve();
    expect(await whole('x'.repeat(11), { 'transfer-encoding': 'chunked' })).toBe('request_too_large');
  });
});

// Each piece is an object of its own, some hundred times as large as its one byte.
describe('a body in very many pieces', () => {
  async function inPieces(pieces: number): Promise<string> {
    const bodies = createBodies({ one: 1_000_000, all: 1_000_000 });
    server = createServer((incoming, response) => {
      bodies.read(incoming, response).then(
        ({ length }) => response.end(String(length)),
        (thrown: unknown) => response.end(asInjectorError(thrown).code),
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address: AddressInfo | string | null = server.address();
    const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
    let said = '';
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    socket.on('error', () => {});
    const head = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n';
    socket.write(`${head}${'1\r\nx\r\n'.repeat(pieces)}0\r\n\r\n`);
    await expect.poll(() => said).toMatch(/\r\n\r\n./);
    socket.destroy();
    return said.slice(said.indexOf('\r\n\r\n') + 4);
  }

  test('is refused, however short it is', async () => {
    expect(await inPieces(20_000)).toBe('request_too_large');
  });

  test('that are not so many is read', async () => expect(await inPieces(1_000)).toBe('1000'));
});

describe('bodies that are too many together', () => {
  test('are refused, and taken again once others have been answered', async () => {
    const { whole, release, read } = await serve();
    const first = [whole('0123456789'), whole('0123456789')];
    await expect.poll(() => read.length).toBe(2);
    expect(await whole('0123456789')).toBe('too_busy');
    expect(await whole('0123456789', { 'transfer-encoding': 'chunked' })).toBe('too_busy');
    release();
    await Promise.all(first);
    await expect.poll(() => whole('0123456789')).toBe('0123456789');
  });

  test('count by what their heads say, and no longer once they have broken off', async () => {
    const { send, whole, release } = await serve();
    release();
    const half = [send('0', { 'content-length': 10 }), send('0', { 'content-length': 10 })];
    await expect.poll(() => whole('0123456789')).toBe('too_busy');
    for (const one of half) one.destroy();
    await expect.poll(() => whole('0123456789')).toBe('0123456789');
  });
});
