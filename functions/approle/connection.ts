/**
 * The connection to an init container: HTTPS to its pod's own address. The container created its certificate itself a
 * moment ago, so it proves nothing and is not checked: the address identifies the pod.
 */
import { request } from 'node:http';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { codeOf, InjectorError } from '../../shared/errors.ts';
import { retry } from '../../shared/retry.ts';

/** An open connection to an init container. */
export interface Connection {
  /** @returns the HTTP status. */
  post(body: string, deadline: Deadline): Promise<number>;
  close(): void;
}

/** @throws InjectorError `init_container_unavailable` if nobody listens in time. */
export type Connect = (address: string, deadline: Deadline) => Promise<Connection>;

const PORT = 50_000;
// A container counts as running before its program listens. A slower start is left to the event's next delivery.
const LISTENS_WITHIN_MS = 5_000;
const TRY_AGAIN_AFTER_MS = 150;

export const connect: Connect = async (address, deadline) => {
  using patience = deadlineIn(
    Math.min(LISTENS_WITHIN_MS, deadline.remainingMs()),
    monotonicClock,
    deadline.signal,
  );
  const socket = await retry(() => dial(address, patience), {
    deadline: patience,
    delayAfter: () => TRY_AGAIN_AFTER_MS,
  });
  return { post: (body, until) => post(socket, address, body, until), close: () => socket.destroy() };
};

function dial(address: string, { signal }: Deadline): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: address, port: PORT, rejectUnauthorized: false });
    const expire = () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    const settle = () => signal.removeEventListener('abort', expire);
    if (signal.aborted) expire();
    signal.addEventListener('abort', expire, { once: true });
    socket.once('secureConnect', () => {
      settle();
      // Ignored before and after use: the caller notices a closed connection itself.
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', (cause) => {
      settle();
      reject(unavailable(`cannot be reached at port ${PORT} of its pod's address`, cause));
    });
  });
}

function post(socket: TLSSocket, address: string, body: string, { signal }: Deadline): Promise<number> {
  return new Promise((resolve, reject) => {
    const brokeOff = (cause?: unknown) =>
      reject(unavailable('closed the connection while its secret_id was being sent', cause));
    // A request on a socket that has already ended gets no event at all, not even for its signal.
    if (socket.destroyed || !socket.writable) return brokeOff();
    socket.once('close', () => brokeOff());
    const headers = {
      host: `${address.includes(':') ? `[${address}]` : address}:${PORT}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    };
    const options = { method: 'POST', path: '/', headers, signal, createConnection: () => socket };
    request(options, (answer) => {
      // Discards the body: it may be of any length, and nobody needs it.
      answer.destroy();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', brokeOff)
      .end(body);
  });
}

function unavailable(what: string, cause: unknown): InjectorError {
  const code = codeOf(cause);
  const why = code === undefined ? '' : ` (${code})`;
  return new InjectorError('init_container_unavailable', `the init container ${what}${why}`, { cause });
}
