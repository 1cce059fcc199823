/** Uploads of those who reach the function: what they cost it in memory, in time, and at its end. */
import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AdmissionFunction, startAdmission } from '../support/admission-function.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { beforehand, gate } from '../support/faults.ts';
import { LARGEST } from '../support/hostile-reviews.ts';
import { podWith } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';
import { authority } from '../support/stack.ts';

const MEBIBYTE = 1024 * 1024;
// Limits of the container, in the manifest.
const LIMIT = 192 * MEBIBYTE;
const A_FEW = 48 * MEBIBYTE;

let own: AdmissionFunction;
const sockets: TLSSocket[] = [];
beforeEach(async () => {
  own = await startAdmission(await startFaultProxy());
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await own.stop();
});

/** Bytes in memory now, and at the most so far. */
async function memory(): Promise<{ readonly now: number; readonly most: number }> {
  const status = await readFile(`/proc/${own.pid}/status`, 'utf8');
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return { now: kibibytes('VmRSS') * 1024, most: kibibytes('VmHWM') * 1024 };
}

/** Sends a declared body at once, or as much of it as is taken before the answer. */
function upload(path: string, body: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'content-length': body.length, 'content-type': 'application/json' };
    const sent = httpsRequest(
      `${own.url}${path}`,
      { method: 'POST', headers, ca: authority, agent: false },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    sent.on('error', () => resolve(0));
    sent.end(body);
  });
}

/** Writes these bytes to the function, and collects what it says until it hangs up. */
function speak(
  text: string,
  url = own.url,
): {
  readonly said: () => string;
  readonly socket: TLSSocket;
  readonly closed: Promise<void>;
} {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ca: authority });
  sockets.push(socket);
  let said = '';
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(text);
  return { said: () => said, socket, closed };
}

const stillAnswers = async () =>
  expect((await ask(own, reviewOf(podWith({ role: 'gule-rw' }), { dryRun: true }))).allowed).toBe(true);

describe('a hundred uploads of 3 MiB', () => {
  const body = Buffer.alloc(LARGEST, ' ');

  test('without the secret: no byte of them is kept', async () => {
    const before = await memory();
    const answers = await Promise.all(Array.from({ length: 100 }, () => upload('/guess', body)));
    expect(answers.filter((status) => status === 404 || status === 0)).toHaveLength(100);
    expect(answers.filter((status) => status === 404).length).toBeGreaterThan(50);
    expect((await memory()).most - before.now).toBeLessThan(A_FEW);
    await stillAnswers();
  });

  test('with it: they are answered or told to come again, and memory suffices', async () => {
    const review = Buffer.from(
      JSON.stringify(reviewOf(podWith({ role: 'gule-rw', x: 'é'.repeat(LARGEST / 2 - 1_000) }))),
    );
    const answers = await Promise.all(Array.from({ length: 64 }, () => upload(own.path, review)));
    expect(answers.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(answers).toContain(200);
    expect((await memory()).most).toBeLessThan(LIMIT);
    expect(own.runs()).toBe(true);
    await stillAnswers();
  });
});

describe('no answer tells more than one line', () => {
  const review = JSON.stringify(reviewOf(podWith({ role: 'gule-rw' })));
  test.each([
    ['/%zz', 'POST /%zz HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n', ' 404 '],
    [
      'an address in place of a path',
      'POST http://a/%zz HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n',
      ' 404 ',
    ],
    ['a star', 'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n', ' 404 '],
    ['no HTTP', '\u0000\u0001\u0002\r\n\r\n', ' 400 '],
    ['broken chunks', 'POST @ HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', ' 400 '],
    ['two lengths', 'POST @ HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', ' 400 '],
    ['long headers', `POST @ HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, ' 431 '],
    [
      'a type that is none',
      `POST @ HTTP/1.1\r\nhost: a\r\ncontent-type: %zz;;=\r\ncontent-length: ${review.length}\r\n\r\n${review}`,
      ' 200 ',
    ],
    [
      'a time-out that is none',
      `POST @?timeout=%zz HTTP/1.1\r\nhost: a\r\ncontent-length: ${review.length}\r\n\r\n${review}`,
      ' 200 ',
    ],
    ['health with a body', 'GET /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 3000000\r\n\r\n', ' 400 '],
  ])('%s', async (_, text, status) => {
    const { said } = speak(text.replace('@', own.path));
    await expect.poll(said).toContain(status);
    expect(said()).not.toMatch(/node_modules|\.cjs|\bat \w+ \(|Error:/);
    await stillAnswers();
  });

  test('an upload that breaks off', async () => {
    const { socket } = speak(`POST ${own.path} HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{"x":`);
    socket.end();
    await stillAnswers();
    expect(await own.log()).not.toContain('"level":"error"');
  });
});

describe('a body that comes a byte at a time', () => {
  const head = (length: number) =>
    `POST ${own.path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`;

  /** @returns what stops it. */
  function drip(socket: TLSSocket): () => void {
    const timer = setInterval(() => socket.writable && socket.write('x'), 100);
    return () => clearInterval(timer);
  }

  test('has its time', async () => {
    const { said, socket, closed } = speak(head(1_000_000));
    const stop = drip(socket);
    await closed;
    stop();
    expect(said()).toContain(' 408 ');
    await stillAnswers();
  });

  test('takes its time from the same deadline as the admission', async () => {
    const timeoutMs = 4_000;
    const proxy = await startFaultProxy();
    const slow = await startAdmission(proxy);
    await ask(slow, reviewOf(podWith({ role: 'gule-rw' })));
    const release = gate();
    proxy.fail(
      'credentials',
      beforehand(() => release.opened),
    );
    const review = JSON.stringify(reviewOf(podWith({ role: 'gule-rw' })));
    const startedAt = performance.now();
    const { said, socket } = speak(
      `POST ${slow.path}?timeout=4s HTTP/1.1\r\nhost: a\r\ncontent-length: ${review.length}\r\n\r\n`,
      slow.url,
    );
    await pause(timeoutMs / 2);
    socket.write(review);
    await expect.poll(said, { interval: 20 }).toContain('"allowed":false');
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs);
    release.open();
  });

  test('does not hold up the end', async () => {
    const stops = Array.from({ length: 5 }, () => drip(speak(head(1_000_000)).socket));
    await stillAnswers();
    own.kill('SIGTERM');
    const code = await own.exited;
    for (const stop of stops) stop();
    expect(code).toBe(0);
  }, 20_000);
});
