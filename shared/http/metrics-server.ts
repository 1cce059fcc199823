/**
 * Metrics on a port of their own, so that not everyone who reaches the function can read them: plain, with TLS, or
 * only for clients with a certificate signed by a configured authority.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { InjectorError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { PATIENCE, TLS_PATIENCE } from './bodies.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { createSendMetrics, sendText } from './routes.ts';
import { followTlsFiles, readTlsFiles, type TlsFiles, versionOf } from './tls-files.ts';

export interface MetricsServerOptions {
  readonly port: number;
  readonly host: string | undefined;
  readonly tls: TlsFiles | undefined;
  /** PEM of the authorities that client certificates are checked against; absent: no client certificate is required. */
  readonly clientCaFile: string | undefined;
}

// Few clients scrape.
const MOST_CONNECTIONS = 64;

/** @returns a function that stops the server. */
export async function serveMetrics(
  { port, host, tls, clientCaFile }: MetricsServerOptions,
  metrics: Metrics,
  log: Logger,
): Promise<() => void> {
  const sendMetrics = createSendMetrics(metrics);
  const answer = oneAtATime((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') return sendText(response, 404, 'expected /metrics');
    if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'expected GET');
    sendMetrics(response).catch((error) => {
      log.error('metrics could not be shown', error);
      sendText(response, 500, 'metrics could not be shown');
    });
  });
  const server = tls ? createTlsServer(tls, clientCaFile, answer) : http.createServer(PATIENCE, answer);
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `metricsPort: cannot listen on ${port}`;
      reject(new InjectorError('configuration_invalid', message, { cause }));
    });
    server.listen({ port, host }, resolve);
  });
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

function createTlsServer(files: TlsFiles, clientCaFile: string | undefined, answer: http.RequestListener) {
  const watched = { ...files, clientCaFile };
  const version = versionOf(watched);
  const context = () => ({
    ...readTlsFiles(files),
    ...(clientCaFile !== undefined && { ca: readClientCa(clientCaFile) }),
  });
  const requestCert = clientCaFile !== undefined;
  const server = https.createServer(
    { ...TLS_PATIENCE, ...context(), requestCert, rejectUnauthorized: true },
    answer,
  );
  followTlsFiles(server, watched, version, context);
  return server;
}

function readClientCa(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new InjectorError('configuration_invalid', `metricsClientCaFile: ${file} cannot be read`, {
      cause,
    });
  }
}
