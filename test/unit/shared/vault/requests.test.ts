/** Whose clock is taken for Vault's: that of its own answers, and of nothing that stands before it. */
import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import { createVaultRequests } from '../../../../shared/vault/requests.ts';
import { listenOnLoopback } from '../../../support/loopback.ts';

let server: Server | undefined;
afterEach(() => server?.close().closeAllConnections());

const DATE = 'Thu, 01 Jan 2026 12:00:00 GMT';
const JSON_TYPE = { 'content-type': 'application/json', date: DATE };

/** @returns the dates from which Vault's time was told, of one answer. */
async function told(status: number, body: string, headers: Record<string, string>): Promise<unknown[]> {
  const dates: unknown[] = [];
  server = createServer((_, response) => void response.writeHead(status, headers).end(body));
  const port = await listenOnLoopback(server);
  const requests = createVaultRequests({
    address: `http://127.0.0.1:${port}`,
    namespace: undefined,
    caFile: undefined,
    rateLimit: undefined,
    random: () => 0,
    onSent: () => {},
    time: { observe: (date) => void dates.push(date) },
  });
  using deadline = deadlineIn(2_000, monotonicClock);
  const work = { deadline, vaultCalls: 0 };
  await requests.send({ operation: 'ask', method: 'GET', path: '/x', once: true, work }).catch(() => {});
  requests.close();
  return dates;
}

test.each([
  ['an answer of Vault', 200, '{"request_id":"a"}', JSON_TYPE, [DATE]],
  ['one without a body', 204, '', JSON_TYPE, [DATE]],
  ['one that a cache has kept', 200, '{"request_id":"a"}', { ...JSON_TYPE, age: '3600' }, [undefined]],
  ['JSON of something else', 200, '{"status":"ok"}', JSON_TYPE, []],
  ['a page', 200, '<html></html>', { ...JSON_TYPE, 'content-type': 'text/html' }, []],
  ['a 204 of something else', 204, '', { date: DATE }, []],
  ['a refusal', 404, '{"errors":[]}', JSON_TYPE, []],
] as const)('%s', async (_, status, body, headers, dates) => {
  expect(await told(status, body, headers)).toEqual(dates);
});
