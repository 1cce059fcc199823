import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpExchange } from '../../../../shared/vault/http.ts';
import { listenOnLoopback } from '../../../support/loopback.ts';

const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  return `http://127.0.0.1:${await listenOnLoopback(server)}`;
}

async function ask(address: string, redirectHosts: readonly string[] = []) {
  const exchange = createHttpExchange(address, { redirectHosts });
  const request = {
    uri: `${address}/v1/x`,
    method: 'POST',
    headers: { 'x-vault-token': 't' },
    body: '{"a":1}',
  };
  try {
    return await exchange.send({ ...request, signal: AbortSignal.timeout(5_000) });
  } finally {
    exchange.close();
  }
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

describe('a standby that does not forward', () => {
  it('names the active node, which gets the same request', async () => {
    const seen: string[] = [];
    const active = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (body) => seen.push(`${request.method} ${request.url} ${body}`));
      request.on('end', () => response.end('{"ok":true}'));
    });
    const standby = await serve((_, response) =>
      response.writeHead(307, { location: `${active}/v1/x` }).end(),
    );
    const { host } = new URL(active);
    expect(await ask(standby, ['vault-7.vault', host])).toMatchObject({
      statusCode: 200,
      body: '{"ok":true}',
    });
    expect(seen).toEqual(['POST /v1/x {"a":1}']);
  });

  it.each([307, 308])('sends the token nowhere that the configuration does not name (%i)', async (status) => {
    const seen: unknown[] = [];
    const elsewhere = await serve((request, response) => {
      seen.push(request.headers['x-vault-token']);
      response.end('{}');
    });
    const { host, port } = new URL(elsewhere);
    const standby = await serve((_, response) =>
      response.writeHead(status, { location: `${elsewhere}/v1/x` }).end(),
    );
    for (const named of [[], ['vault-0.vault'], [`localhost:${port}`], [`127.0.0.1:${Number(port) - 1}`]]) {
      await expect(ask(standby, named)).rejects.toMatchObject({
        code: 'vault_unavailable',
        message: expect.stringContaining(`redirects to ${host}, which is not in vaultRedirectHosts`),
      });
    }
    expect(seen).toEqual([]);
    // A name without a port is at that of the address, which is another one here.
    await expect(ask(standby, ['127.0.0.1'])).rejects.toMatchObject({ code: 'vault_unavailable' });
    expect((await ask(standby, [host])).statusCode).toBe(200);
    expect(seen).toEqual(['t']);
  });

  it('is followed once, not in circles', async () => {
    let asked = 0;
    const standby = await serve((request, response) => {
      asked += 1;
      response.writeHead(307, { location: request.url ?? '/' }).end();
    });
    expect((await ask(standby)).statusCode).toBe(307);
    expect(asked).toBe(2);
  });

  it.each(['https://127.0.0.1:1/v1/x', 'file:///etc/passwd', 'not a url at all:'])(
    'is not followed to %s',
    async (location) => {
      const standby = await serve((_, response) => response.writeHead(307, { location }).end());
      expect((await ask(standby)).statusCode).toBe(307);
    },
  );
});

describe('an answer that is cut off', () => {
  it('is a failure, not a shorter answer', async () => {
    const address = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"auth":', () => response.socket?.destroy());
    });
    await expect(ask(address)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
