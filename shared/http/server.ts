/**
 * Serves a function registered with the functions framework, and ends as a pod must: stop accepting, finish running
 * requests, exit. (The framework itself keeps one global response, answers only that one at SIGTERM and exits.)
 */
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import type { Clock } from '../deadline.ts';
import { createArrivals } from './arrival.ts';
import { createBodies, PATIENCE, TLS_PATIENCE } from './bodies.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Routes } from './routes.ts';
import { followTlsFiles, readTlsFiles, type TlsFiles, versionOf } from './tls-files.ts';

export interface ServerOptions {
  /** The name that the function is registered under. */
  readonly functionName: string;
  /** The listener whose `handle` is registered. */
  readonly routes: Routes;
  readonly clock: Clock;
  readonly port: number;
  /** Loopback, or all interfaces (`undefined`). */
  readonly host?: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly maxBodyBytes: number;
}

export interface RunningServer {
  readonly port: number;
  /** Stops accepting and resolves when the last request has been answered. */
  drain(): Promise<void>;
}

const IDLE_CHECK_MS = 20;
// Time for a request whose first bytes are on their way at shutdown. Idle connections, such as a probe's, do not delay it.
const SILENT_FOR_MS = 1_000;
// Limit for receiving and answering what is left; shorter than any grace period of our manifests.
const DRIPPING_FOR_MS = 2_000;
const DRAIN_WITHIN_MS = 20_000;
const UNREAD_FOR_MS = 1_000;
// A proxy opens a few dozen; each costs memory before it has sent a request.
const MOST_CONNECTIONS = 1_000;
// Room for as many of the largest bodies as memory holds while they are answered.
const LARGEST_AT_ONCE = 4;

export async function serve(options: ServerOptions): Promise<RunningServer> {
  const { routes, clock, maxBodyBytes } = options;
  const framework = getTestServer(options.functionName);
  const bodies = createBodies({ one: maxBodyBytes, all: maxBodyBytes * LARGEST_AT_ONCE });
  const noteArrival = createArrivals(clock);
  const underWay = new Map<http.ServerResponse, http.IncomingMessage>();
  let draining = false;

  /** Head, then body, then the function: each step only if the previous one succeeded. */
  async function receive(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      await routes.judge(request);
      if (request.method === 'POST')
        Object.assign(request, { rawBody: await bodies.read(request, response) });
    } catch (thrown) {
      if (request.socket.destroyed) return;
      if (!draining && !request.complete) leaveUnread(request, response);
      routes.fail(response, thrown);
      return;
    }
    // The framework finds an already read body and parses nothing.
    framework.emit('request', request, response);
  }

  const listener = oneAtATime((request, response) => {
    noteArrival(request);
    underWay.set(response, request);
    response.on('close', () => underWay.delete(response));
    if (draining) response.shouldKeepAlive = false;
    void receive(request, response);
  });
  const server = options.tls
    ? await createTlsServer(options.tls, listener)
    : http.createServer(PATIENCE, listener);
  server.maxConnections = MOST_CONNECTIONS;
  const connections = new Set<Socket>();
  server.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: options.host }, resolve);
  });

  function endAllBut(kept: readonly http.IncomingMessage[]): void {
    const peers = new Set(kept.map(({ socket }) => peerOf(socket)));
    for (const connection of connections) if (!peers.has(peerOf(connection))) connection.destroy();
  }

  return {
    port: portOf(server.address()),
    drain() {
      draining = true;
      for (const response of underWay.keys()) response.shouldKeepAlive = false;
      return new Promise((resolve) => {
        const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
        const timers = [
          // Node does not count a connection as idle until it has had a request.
          setTimeout(() => endAllBut([...underWay.values()]), SILENT_FOR_MS),
          // Node stops checking request timeouts once its server is closed.
          setTimeout(
            () => endAllBut([...underWay.values()].filter(({ complete }) => complete)),
            DRIPPING_FOR_MS,
          ),
          setTimeout(() => endAllBut([]), DRAIN_WITHIN_MS),
        ];
        server.close(() => {
          clearInterval(idle);
          for (const timer of timers) clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}

/**
 * Lets a client that is still sending get its answer: closing a connection with unread bytes loses the answer. So it
 * stays open for a moment, and nothing more is read: neither by us nor by Node, which would read and discard all of
 * it.
 */
function leaveUnread(request: http.IncomingMessage, response: http.ServerResponse): void {
  request.read(0);
  request.pause();
  response.shouldKeepAlive = true;
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), UNREAD_FOR_MS);
  socket.once('close', () => clearTimeout(timer));
}

async function createTlsServer(files: TlsFiles, listener: http.RequestListener) {
  const https = await import('node:https');
  const version = versionOf(files);
  const server = https.createServer({ ...TLS_PATIENCE, ...readTlsFiles(files) }, listener);
  followTlsFiles(server, files, version);
  return server;
}

/** The same for a connection and the TLS socket on it. */
function peerOf(socket: Socket | null): string {
  return `${socket?.remoteAddress}:${socket?.remotePort}`;
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address ? address.port : 0;
}
