/** Figures pushed onto what stands at a Pushgateway, as it answers: what is too much is not taken along. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { afterEach, expect, test } from 'vitest';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import { listenOnLoopback } from '../../../support/loopback.ts';

const JOB = 'vault_db_injector_admission';
const DENIED = 'vault_injector_service_account_denied_count';
const MIB = 1024 * 1024;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

function* counted(parts: Iterable<string>, state: { bytesTaken: number }) {
  for (const part of parts) {
    state.bytesTaken += part.length;
    yield part;
  }
}

/** A stub of a Pushgateway: it holds what `held` yields, and keeps what is pushed. */
async function gatewayWith(
  held: () => Iterable<string>,
  answer: (outgoing: ServerResponse) => unknown = (outgoing) => outgoing.end(),
) {
  const state = { pushed: '', bytesTaken: 0 };
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    if (incoming.method !== 'GET') {
      state.pushed = Buffer.concat(chunks).toString();
      answer(outgoing);
      return;
    }
    // A reader that has enough hangs up.
    await pipeline(counted(held(), state), outgoing).catch(() => {});
  });
  servers.push(server);
  const url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
  return { state, url };
}

const labelsOf = (namespace: string) => ({
  service_account_name: 'app',
  namespace,
  db_role: 'orders-rw',
  cause: 'namespace',
});
const group = (namespaces: readonly string[]) =>
  JSON.stringify({
    status: 'success',
    data: [
      {
        labels: { job: JOB },
        [DENIED]: {
          type: 'COUNTER',
          metrics: namespaces.map((namespace) => ({
            labels: { ...labelsOf(namespace), job: JOB, instance: '' },
            value: '1',
          })),
        },
      },
    ],
  });

function metricsOf(...namespaces: string[]) {
  const metrics = createMetrics({ process: 'admission', uuidLabel: false });
  for (const namespace of namespaces) metrics.count('service_account_denied_count', labelsOf(namespace));
  return metrics;
}
const seriesIn = (text: string) => text.split('\n').filter((line) => line.startsWith(DENIED));

test('series go on, and all of them', async () => {
  const { state, url } = await gatewayWith(() => [group(['one', 'two'])]);
  expect(await metricsOf('two').push(url, JOB)).toBe(0);
  const counts = seriesIn(state.pushed).map((line) => [/namespace="(\w+)"/.exec(line)?.[1], line.at(-1)]);
  expect(counts.toSorted()).toEqual([
    ['one', '1'],
    ['two', '2'],
  ]);
});

test('of too many those that are counted now go on, and it is said how many do not', async () => {
  const namespaces = Array.from({ length: 2_500 }, (_, number) => `namespace-${number}`);
  const { state, url } = await gatewayWith(() => [group(namespaces)]);
  expect(await metricsOf('namespace-2499', 'new').push(url, JOB)).toBe(501);
  const series = seriesIn(state.pushed);
  expect(series).toHaveLength(2_000);
  expect(series.find((line) => line.includes('"namespace-2499"'))).toMatch(/ 2$/);
});

test('what is longer than 16 MiB is read no further, and nothing is pushed', async () => {
  function* endless() {
    for (let part = 0; part < 200; part += 1) yield ' '.repeat(MIB);
  }
  const { state, url } = await gatewayWith(endless);
  await expect(metricsOf('one').push(url, JOB)).rejects.toMatchObject({
    code: 'push_failed',
    message: expect.stringContaining('more than 16 MiB'),
  });
  expect(state.pushed).toBe('');
  expect(state.bytesTaken).toBeLessThan(60 * MIB);
});

test('an answer to a push is not read: one without an end does not hold up the process', async () => {
  const { state, url } = await gatewayWith(
    () => [group([])],
    (outgoing) => outgoing.writeHead(200).write('and so on'),
  );
  expect(await metricsOf('one').push(url, JOB)).toBe(0);
  expect(seriesIn(state.pushed)).toHaveLength(1);
});

test('a push that is refused is told with its status, and not with what stands in the answer', async () => {
  const { url } = await gatewayWith(
    () => [group([])],
    (outgoing) => outgoing.writeHead(400).end('pushed metrics are invalid'),
  );
  await expect(metricsOf('one').push(url, JOB)).rejects.toMatchObject({
    code: 'push_failed',
    message: 'the Pushgateway of metricsPushUrl: it does not take them (HTTP 400)',
  });
});
