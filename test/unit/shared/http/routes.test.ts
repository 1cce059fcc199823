import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type HttpFunction, http } from '@google-cloud/functions-framework';
import { afterEach, describe, expect, test } from 'vitest';
import { InjectorError } from '../../../../shared/errors.ts';
import { createRoutes, type RouteDependencies, sendText } from '../../../../shared/http/routes.ts';
import { type RunningServer, serve } from '../../../../shared/http/server.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import { request } from '../../../stack/http.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

let server: RunningServer | undefined;
afterEach(() => server?.drain());

/** Served as a function is. */
async function start(wishes: Partial<RouteDependencies> = {}, post?: HttpFunction) {
  const { log, lines } = createKeptLog();
  const metrics = createMetrics({ process: 'revocation', uuidLabel: false });
  const asked: string[] = [];
  const own: HttpFunction =
    post ??
    ((incoming, response) => {
      asked.push(incoming.path);
      sendText(response, 204, '');
    });
  const session = { ready: async () => {} };
  const clock = () => 0;
  const routes = createRoutes(own, { session, metrics, log, clock, ...wishes });
  http('routes', routes.handle);
  const options = { functionName: 'routes', routes, clock, port: 0, host: '127.0.0.1', tls: undefined };
  server = await serve({ ...options, maxBodyBytes: 1_000 });
  const url = `http://127.0.0.1:${server.port}`;
  const ask = async (method: string, path: string) => {
    const { status, body } = await request(`${url}${path}`, { method });
    return [status, body];
  };
  const headersOf = async (path: string) => (await request(`${url}${path}`, { method: 'POST' })).headers;
  return { ask, headersOf, lines, asked };
}

const NOTHING_HERE = [404, 'there is nothing at this path\n'];

describe('a function that says nothing of its path', () => {
  test('is asked at the root, and nowhere else', async () => {
    const { ask, asked } = await start();
    expect(await ask('POST', '/')).toEqual([204, '']);
    expect(await ask('POST', '/?timeout=5s')).toEqual([204, '']);
    for (const path of ['/x', '//', '/healthz/', '/METRICS', '/%2F']) {
      expect([path, ...(await ask('POST', path))]).toEqual([path, ...NOTHING_HERE]);
    }
    expect(asked).toEqual(['/', '/']);
  });
});

describe('a function with a path of its own', () => {
  const accepts = async (path: string) => path === '/secret';

  test('is asked there, and not at the root', async () => {
    const { ask, asked } = await start({ accepts });
    expect(await ask('POST', '/secret?timeout=5s')).toEqual([204, '']);
    expect(await ask('POST', '/')).toEqual(NOTHING_HERE);
    expect(asked).toEqual(['/secret']);
  });

  test('tells by no other method whether a path is the right one', async () => {
    const { ask } = await start({ accepts });
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      expect([method, ...(await ask(method, '/guess'))]).toEqual([method, ...NOTHING_HERE]);
    }
    expect(await ask('PUT', '/secret')).toEqual([405, 'expected POST\n']);
  });

  test('does not ask whether its health is one', async () => {
    const { ask } = await start({
      accepts: () => Promise.reject(new Error('nobody expected to be asked')),
    });
    expect(await ask('GET', '/healthz')).toEqual([200, 'ok\n']);
    expect(await ask('GET', '/readyz')).toEqual([200, 'ok\n']);
    expect(await ask('POST', '/healthz')).toEqual([405, 'expected GET\n']);
  });

  test('that cannot say whether a path is right answers 503, to be asked again', async () => {
    const { ask, asked } = await start({ accepts: () => Promise.reject(new Error('planted')) });
    const [status, body] = await ask('POST', '/secret');
    expect([status, asked]).toEqual([503, []]);
    expect(body).not.toContain('planted');
  });
});

describe('health, readiness and metrics', () => {
  test('are the same for all', async () => {
    const { ask } = await start();
    expect(await ask('GET', '/healthz')).toEqual([200, 'ok\n']);
    expect(await ask('HEAD', '/healthz')).toEqual([200, '']);
    expect(await ask('GET', '/readyz')).toEqual([200, 'ok\n']);
    const [status, metrics] = await ask('GET', '/metrics');
    expect([status, metrics]).toEqual([200, expect.stringContaining('vault_injector_')]);
  });

  test('say 503 where Vault refuses the login', async () => {
    const denied = new InjectorError('vault_denied', 'no such role');
    const { ask } = await start({ session: { ready: () => Promise.reject(denied) } });
    expect(await ask('GET', '/readyz')).toEqual([503, 'not ready\n']);
    expect(await ask('GET', '/healthz')).toEqual([200, 'ok\n']);
  });

  test('say 200 while Vault is away: there is an answer to be given, with its reason', async () => {
    const away = new InjectorError('vault_unavailable', 'Vault is sealed');
    const { ask } = await start({ session: { ready: () => Promise.reject(away) } });
    expect(await ask('GET', '/readyz')).toEqual([200, 'ok\n']);
  });
});

describe('what the function throws', () => {
  test.each([
    ['the fault of the sender is said as it is', 'request_invalid', 400, 0],
    ['an unknown sender too', 'sender_unknown', 401, 0],
    ['what passes is to be sent again', 'vault_timeout', 503, 1],
    ['a limit of Vault, too, whatever its status', 'vault_rate_limited', 503, 1],
    ['and what does not pass by itself as well: somebody may mend it', 'vault_denied', 503, 1],
  ] as const)('%s', async (_, code, status, logged) => {
    const { ask, headersOf, lines } = await start({}, () => {
      throw new InjectorError(code, 'what was wrong');
    });
    expect(await ask('POST', '/')).toEqual([status, 'what was wrong\n']);
    expect(lines).toEqual(Array(logged).fill({ level: 'error', message: 'request failed', code }));
    expect((await headersOf('/'))['retry-after']).toBe(logged ? '2' : undefined);
  });

  test('is not told, where nobody expected it', async () => {
    const { ask } = await start({}, () => {
      throw new Error('planted');
    });
    const [status, body] = await ask('POST', '/');
    expect([status, body]).toEqual([503, expect.stringContaining('its log says what')]);
    expect(body).not.toContain('planted');
  });
});

test('figures that many ask for at once are made once', async () => {
  let made = 0;
  const metrics = {
    ...createMetrics({ process: 'revocation', uuidLabel: false }),
    expose: async () => {
      made += 1;
      await pause(100);
      return { contentType: 'text/plain', text: 'figures' };
    },
  };
  await start({ metrics });
  const url = `http://127.0.0.1:${server?.port}/metrics`;
  const answers = await Promise.all(Array.from({ length: 100 }, () => request(url)));
  expect(answers.every(({ body }) => body === 'figures')).toBe(true);
  expect(made).toBeLessThan(20);
});

describe('requests that do not wait for the answer to the one before', () => {
  async function speak(text: string) {
    const { asked } = await start();
    const socket = connect(server?.port ?? 0, '127.0.0.1').on('error', () => {});
    let said = '';
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    socket.write(text);
    return { asked, socket, count: () => said.split(' 204 ').length - 1 };
  }
  const post = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi';

  test('end their connection, and few of them are begun', async () => {
    const { asked, socket } = await speak(post.repeat(5_000));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(asked.length).toBeLessThan(2);
  });

  test('that do wait are answered on one connection', async () => {
    const { asked, socket, count } = await speak(post);
    for (let answered = 1; answered <= 20; answered += 1) {
      await expect.poll(count, { interval: 1 }).toBe(answered);
      socket.write(post);
    }
    await expect.poll(() => asked.length).toBe(21);
    socket.destroy();
  });
});
