/**
 * Serves a function that is registered with the functions framework, and ends as a pod has to: stop accepting, finish
 * what is under way, exit. (The framework itself keeps one global response, answers that one at SIGTERM and exits.)
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
  /** What is registered is their `handle`. */
  readonly routes: Routes;
  readonly clock: Clock;
  readonly port: number;
  /** Loopback or all interfaces (`undefined`). */
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
// A request whose first bytes are on their way when the end comes. Nobody else may hold it up: a probe's connection, a spare one.
const SILENT_FOR_MS = 1_000;
// What has not come whole by then, and what has not been answered by then: less than any grace period of our manifests.
const DRIPPING_FOR_MS = 2_000;
const DRAIN_WITHIN_MS = 20_000;
const UNREAD_FOR_MS = 1_000;
// Behind a proxy a few dozen; each costs memory before it has said who it is.
const MOST_CONNECTIONS = 1_000;
// Of the largest bodies as many as memory has room for while they are being answered.
const LARGEST_AT_ONCE = 4;

export async function serve(options: ServerOptions): Promise<RunningServer> {
  const { routes, clock, maxBodyBytes } = options;
  const framework = getTestServer(options.functionName);
  const bodies = createBodies({ one: maxBodyBytes, all: maxBodyBytes * LARGEST_AT_ONCE });
  const noteArrival = createArrivals(clock);
  const underWay = new Map<http.ServerResponse, http.IncomingMessage>();
  let draining = false;

  /** Head, then body, then the function: each only where the one before it was good. */
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
    // The framework parses nothing: of a body that has been read there is nothing left for it.
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
          // Node does not call a connection idle on which nobody has asked yet.
          setTimeout(() => endAllBut([...underWay.values()]), SILENT_FOR_MS),
          // Once its server is closed, Node looks for late requests no more.
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
 * Has a client whose body is still coming get its answer: closed on unread bytes, a connection loses that as well. So it is
 * left open for a moment, and nothing more is read of it: neither by us nor by Node, which would read all of it, to forget it.
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

/** The same for a connection and for the TLS on it. */
function peerOf(socket: Socket | null): string {
  return `${socket?.remoteAddress}:${socket?.remotePort}`;
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address ? address.port : 0;
}
