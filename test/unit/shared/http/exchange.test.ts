import http, { createServer, type RequestListener } from 'node:http';
import { expect, test } from 'vitest';
import { AnswerOverLimit, exchange } from '../../../../shared/http/exchange.ts';
import { listenOnLoopback } from '../../../support/loopback.ts';

async function ask(listener: RequestListener, signal = AbortSignal.timeout(5_000)) {
  const server = createServer(listener);
  const port = await listenOnLoopback(server);
  const agent = new http.Agent();
  try {
    return await exchange(http.request, {
      url: `http://127.0.0.1:${port}/x`,
      method: 'POST',
      headers: { 'x-sent': 'yes' },
      agent,
      body: 'asked',
      signal,
      maxAnswerBytes: 10,
    });
  } finally {
    agent.destroy();
    server.close().closeAllConnections();
  }
}

test('the answer comes with its status and headers, whatever they are', async () => {
  const echo: RequestListener = async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    response.writeHead(503, { 'retry-after': '7' }).end(`${request.headers['x-sent']} ${body}`);
  };
  const { status, headers, body } = await ask(echo);
  expect([status, headers['retry-after'], body]).toEqual([503, '7', 'yes asked']);
});

test('an answer may be as long as allowed', async () => {
  const { body } = await ask((_, response) => response.end('0123456789'));
  expect(body).toBe('0123456789');
});

test('of a longer one the rest is not read', async () => {
  let isCut = false;
  const endless: RequestListener = (request, response) => {
    request.socket.on('close', () => {
      isCut = true;
    });
    const write = () => response.write('0123456789') && setImmediate(write);
    response.on('drain', write).on('error', () => {});
    write();
  };
  await expect(ask(endless)).rejects.toBeInstanceOf(AnswerOverLimit);
  await expect.poll(() => isCut).toBe(true);
});

test('an answer that is cut off is a failure', async () => {
  const cutOff: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': '9' });
    response.write('{"a":', () => response.socket?.destroy());
  };
  await expect(ask(cutOff)).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('so is one that does not come in time', async () => {
  await expect(ask(() => {}, AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'AbortError' });
});
