/** Connections on which nobody asks, or asks a byte at a time: they take the places of others for seconds only. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { selfSigned } from '../../../../init/approle/certificate.ts';
import { listenForSecretId } from '../../../../init/approle/listener.ts';
import { serveMetrics } from '../../../../shared/http/metrics-server.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

// All that there may be at once at either of them.
const PLACES = 64;
const PATIENCE_MS = 9_000;
const { log } = createKeptLog();
const folder = mkdtempSync(join(tmpdir(), 'silent-'));
const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };

beforeAll(async () => {
  const { cert, key } = await selfSigned(new Date());
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address: AddressInfo | string | null = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

const BYTE_BY_BYTE = [
  ['', ''],
  ['GET /metrics HTTP/1.1\r\nx: ', 'x'],
  ['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000\r\n\r\n', 'x'],
] as const;

/** Takes all places. @param said what is written at once on them in turn, and what ten times a second. */
async function crowd(
  port: number,
  said: readonly (readonly [string, string])[],
  { onTestFinished }: TestContext,
): Promise<void> {
  const sockets = Array.from({ length: PLACES }, (_, number) => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    const [atOnce = '', again = ''] = said[number % said.length] ?? [];
    socket.write(atOnce);
    const timer = setInterval(() => again !== '' && socket.writable && socket.write(again), 100);
    socket.once('close', () => clearInterval(timer));
    return socket;
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
}

/** The status of an answer, or 0 without one. */
function ask(url: string): Promise<number> {
  return new Promise((resolve) => {
    const get = url.startsWith('https:') ? getSecure : getPlain;
    get(url, { rejectUnauthorized: false, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).on('error', () => resolve(0));
  });
}

const answered = (url: string, { expect }: TestContext) =>
  expect.poll(() => ask(url), { timeout: PATIENCE_MS, interval: 250 });

describe.concurrent('whoever has something to say is heard in spite of them', () => {
  test.for([
    ['in the clear', undefined, BYTE_BY_BYTE],
    ['before they have shaken hands', files, [['', '']]],
  ] as const)('who reads figures: %s', { timeout: 15_000 }, async ([, tls, said], context) => {
    const port = await freePort();
    const options = { port, host: '127.0.0.1', tls, clientCaFile: undefined };
    context.onTestFinished(
      await serveMetrics(options, createMetrics({ process: 'admission', uuidLabel: false }), log),
    );
    await crowd(port, said, context);
    await answered(`http${tls ? 's' : ''}://127.0.0.1:${port}/metrics`, context).toBe(200);
  });

  test('who brings an init container its secret_id', async (context) => {
    const tls = await selfSigned(new Date());
    const read = () => expect.unreachable();
    const { close } = await listenForSecretId({ tls, address: '127.0.0.1', read, log });
    context.onTestFinished(close);
    await crowd(50_000, [['', '']], context);
    await answered('https://127.0.0.1:50000/x', context).toBe(404);
  }, 15_000);
});
