/** What every function answers beside its own work: health, readiness, metrics. */
import type { ServerResponse } from 'node:http';
import type { HttpFunction, Request, Response } from '@google-cloud/functions-framework';
import type { Clock } from '../deadline.ts';
import { asInjectorError, ERROR_CATALOGUE, InjectorError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Session } from '../vault/session.ts';
import { createReadiness } from './readiness.ts';

export interface RouteParts {
  readonly session: Pick<Session, 'ready'>;
  /** Absent where they have a listener of their own. */
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  /** At which paths the function is asked; `/` where nothing is said. */
  readonly accepts?: (path: string) => Promise<boolean>;
}

const RETRY_AFTER_SECONDS = 2;

/**
 * POST is the function's own, the rest is the same for all. The one place where an error that the function let
 * through becomes an HTTP status: 4xx for what the sender did wrong, which sending again does not mend, and 503 for all
 * else. (Knative's event source does not try again after a 500.)
 */
export function createRoutes(post: HttpFunction, parts: RouteParts): HttpFunction {
  const { session, metrics, log, clock, accepts = async (path) => path === '/' } = parts;
  const isReady = createReadiness({ session, log, clock });
  const gets = new Map<string, (response: Response) => Promise<void>>([
    ['/healthz', async (response) => sendText(response, 200, 'ok')],
    [
      '/readyz',
      async (response) => {
        const ready = await isReady();
        sendText(response, ready ? 200 : 503, ready ? 'ok' : 'not ready');
      },
    ],
  ]);
  if (metrics) gets.set('/metrics', (response) => sendMetrics(response, metrics));

  async function route(request: Request, response: Response): Promise<void> {
    const get = gets.get(request.path);
    if (get && (request.method === 'GET' || request.method === 'HEAD')) return get(response);
    if (get) throw new InjectorError('request_method', 'expected GET');
    if (!(await accepts(request.path)))
      throw new InjectorError('request_not_found', 'there is nothing at this path');
    if (request.method !== 'POST') throw new InjectorError('request_method', 'expected POST');
    return post(request, response);
  }

  return (request, response) => route(request, response).catch((thrown) => fail(response, thrown, log));
}

function fail(response: Response, thrown: unknown, log: Logger): void {
  const error = asInjectorError(thrown);
  const { status, retryable } = ERROR_CATALOGUE[error.code];
  const sendersFault = status < 500 && !retryable;
  if (!sendersFault) log.error('request failed', thrown);
  if (response.headersSent) return;
  if (!sendersFault) response.setHeader('retry-after', String(RETRY_AFTER_SECONDS));
  sendText(response, sendersFault ? status : 503, error.message);
}

export async function sendMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  const { contentType, text } = await metrics.expose();
  response.setHeader('content-type', contentType);
  response.end(text);
}

export function sendText(response: ServerResponse, status: number, line: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(line === '' ? undefined : `${line}\n`);
}
