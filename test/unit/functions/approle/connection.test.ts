import { once } from 'node:events';
import { createServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Connection, connect } from '../../../../functions/approle/connection.ts';
import { type Deadline, deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import { createAuthority } from '../../../stack/certificates.ts';

const ADDRESS = `127.0.${(process.pid % 200) + 1}.9`;
const { certificate: cert, key } = await (await createAuthority('init')).issue({ commonName: 'init' });

/** Stands for an init container: it is given each connection, and does with it what the test says. */
let server: ReturnType<typeof createServer>;
let deadline: Deadline;
let connection: Connection;
let accepted: TLSSocket | undefined;

beforeEach(async () => {
  accepted = undefined;
  server = createServer({ cert, key }, (socket) => {
    accepted = socket.on('error', () => {});
  }).listen(50_000, ADDRESS);
  await once(server, 'listening');
  deadline = deadlineIn(1_500, monotonicClock);
  connection = await connect(ADDRESS, deadline);
  await expect.poll(() => accepted).toBeDefined();
});
afterEach(() => {
  deadline[Symbol.dispose]();
  connection.close();
  accepted?.destroy();
  server.close();
});

const answer = (status: string) =>
  accepted?.once('data', () => accepted?.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`));

describe('a post', () => {
  test('ends with the status of the answer', async () => {
    answer('409 Conflict');
    expect(await connection.post('{}', deadline)).toBe(409);
  });

  test.each([
    ['is closed in order', () => accepted?.end()],
    ['is cut', () => accepted?.destroy()],
  ])('over a connection that %s meanwhile fails', async (_, close) => {
    const closed = accepted && once(accepted.resume(), 'close');
    close();
    await closed;
    await expect(connection.post('{}', deadline)).rejects.toMatchObject({
      code: 'init_container_unavailable',
    });
  });

  test('over a connection that is closed in place of an answer fails', async () => {
    accepted?.once('data', () => accepted?.destroy());
    await expect(connection.post('{}', deadline)).rejects.toMatchObject({
      code: 'init_container_unavailable',
    });
  });

  test('without an answer fails at the deadline', async () => {
    await expect(connection.post('{}', deadline)).rejects.toMatchObject({
      code: 'init_container_unavailable',
    });
  });
});
