/** Routes that every function has beside its own: health, readiness, metrics. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpFunction, Request, Response } from '@google-cloud/functions-framework';
import type { Clock } from '../deadline.ts';
import { asInjectorError, ERROR_CATALOGUE, type ErrorCode, InjectorError } from '../errors.ts';
import { createSingleFlight } from '../single-flight.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Session } from '../vault/session.ts';
import { hasBody } from './bodies.ts';
import { createReadiness } from './readiness.ts';

export interface RouteDependencies {
  readonly session: Pick<Session, 'ready'>;
  /** Absent if they have a listener of their own. */
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  /** Paths of the function itself; the default is `/`. */
  readonly accepts?: (path: string, authorization: string | undefined) => Promise<boolean>;
  /** Rejects a sender that is not allowed, judging by the head alone. */
  readonly checkSender?: (request: IncomingMessage) => Promise<void>;
}

export interface Routes {
  /** Rejects a request by its head alone, before a byte of the body is read. */
  judge(request: IncomingMessage): Promise<void>;
  readonly handle: HttpFunction;
  fail(response: ServerResponse, thrown: unknown): void;
}

const RETRY_AFTER_SECONDS = 2;
// Not logged one by one: a sender could fill the log.
const NOT_LOGGED: ReadonlySet<ErrorCode> = new Set(['too_busy', 'request_aborted']);

/**
 * POST goes to the function, other routes are common. This is the one place where an error thrown by the function
 * becomes an HTTP status: 4xx for a fault of the sender, where sending again does not help, and 503 for everything
 * else. (Knative's event source does not retry after a 500.)
 */
export function createRoutes(post: HttpFunction, dependencies: RouteDependencies): Routes {
  const {
    session,
    metrics,
    log,
    clock,
    accepts = async (path: string) => path === '/',
    checkSender,
  } = dependencies;
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
  if (metrics) gets.set('/metrics', createSendMetrics(metrics));

  async function judge(request: IncomingMessage): Promise<void> {
    const path = pathOf(request);
    if (gets.has(path)) return judgeGet(request);
    if (!(await accepts(path, request.headers.authorization)))
      throw new InjectorError('request_not_found', 'there is nothing at this path');
    if (request.method !== 'POST') throw new InjectorError('request_method', 'expected POST');
    await checkSender?.(request);
  }

  async function handle(request: Request, response: Response): Promise<void> {
    const get = gets.get(pathOf(request));
    await (get ? get(response) : post(request, response));
  }

  const fail = (response: ServerResponse, thrown: unknown) => failWith(response, thrown, log);
  return {
    judge,
    handle: (request, response) => handle(request, response).catch((thrown) => fail(response, thrown)),
    fail,
  };
}

function judgeGet(request: IncomingMessage): void {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw new InjectorError('request_method', 'expected GET');
  if (hasBody(request)) throw new InjectorError('request_invalid', 'expected no body');
}

/** The raw path: nothing is decoded, so nothing can fail. */
function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

function failWith(response: ServerResponse, thrown: unknown, log: Logger): void {
  const error = asInjectorError(thrown);
  const { status, retryable } = ERROR_CATALOGUE[error.code];
  const sendersFault = status < 500 && !retryable;
  if (!sendersFault && !NOT_LOGGED.has(error.code)) log.error('request failed', thrown);
  if (response.headersSent) return;
  if (!sendersFault) response.setHeader('retry-after', String(RETRY_AFTER_SECONDS));
  sendText(response, sendersFault ? status : 503, error.message);
}

/** Rendering blocks the event loop for a moment: concurrent scrapes share one. */
export function createSendMetrics(metrics: Metrics): (response: ServerResponse) => Promise<void> {
  const rendering = createSingleFlight<Awaited<ReturnType<Metrics['expose']>>>();
  return async (response) => {
    const { contentType, text } = await rendering.run(metrics.expose);
    response.setHeader('content-type', contentType);
    response.end(text);
  };
}

export function sendText(response: ServerResponse, status: number, line: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(line === '' ? undefined : `${line}\n`);
}
