/**
 * Serves a function that is registered with the functions framework, and ends as a pod has to: stop accepting, finish
 * what is under way, exit. (The framework itself keeps one global response, answers that one at SIGTERM and exits.)
 */
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { refuseOversize } from './body-limit.ts';
import { followTlsFiles, readTlsFiles, type TlsFiles, versionOf } from './tls-files.ts';

export interface ServerOptions {
  /** The name that the function is registered under. */
  readonly functionName: string;
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

export async function serve(options: ServerOptions): Promise<RunningServer> {
  const framework = getTestServer(options.functionName);
  const underWay = new Set<http.ServerResponse>();
  let draining = false;

  const listener: http.RequestListener = (request, response) => {
    underWay.add(response);
    response.on('close', () => underWay.delete(response));
    if (draining) response.shouldKeepAlive = false;
    if (refuseOversize(request, response, options.maxBodyBytes)) return;
    // Only as raw bytes does the framework hand a body on unparsed; parsing, and its errors, are the function's own.
    request.headers['content-type'] = 'application/octet-stream';
    framework.emit('request', request, response);
  };
  const server = options.tls ? await createTlsServer(options.tls, listener) : http.createServer(listener);
  const connections = new Set<Socket>();
  server.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: options.host }, resolve);
  });

  return {
    port: portOf(server.address()),
    drain() {
      draining = true;
      for (const response of underWay) response.shouldKeepAlive = false;
      return new Promise((resolve) => {
        const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
        // Node does not call a connection idle on which nobody has asked yet.
        const silent = setTimeout(() => {
          const asked = new Set(Array.from(underWay, ({ socket }) => peerOf(socket)));
          for (const connection of connections) if (!asked.has(peerOf(connection))) connection.destroy();
        }, SILENT_FOR_MS);
        server.close(() => {
          clearInterval(idle);
          clearTimeout(silent);
          resolve();
        });
      });
    },
  };
}

async function createTlsServer(files: TlsFiles, listener: http.RequestListener) {
  const https = await import('node:https');
  const version = versionOf(files);
  const server = https.createServer(readTlsFiles(files), listener);
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
