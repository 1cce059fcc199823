/** The admission function over HTTP: reviews, health, metrics. The one place where an error becomes an HTTP status. */
import type { HttpFunction, Request, Response } from '@google-cloud/functions-framework';
import { deadlineIn } from '../../shared/deadline.ts';
import { asInjectorError, ERROR_CATALOGUE, InjectorError } from '../../shared/errors.ts';
import type { Session } from '../../shared/vault/session.ts';
import { budgetFor } from './deadline.ts';
import { type Admission, admit } from './handler.ts';
import { answerReview, parseReview } from './review.ts';

const READY_WITHIN_MS = 5_000;

export function createRoutes(admission: Admission, session: Pick<Session, 'ready'>): HttpFunction {
  const { clock, metrics, log } = admission;

  async function review(request: Request, response: Response): Promise<void> {
    const { workMs, answerMs } = budgetFor(
      new URL(request.url, 'http://localhost').searchParams.get('timeout'),
    );
    const hungUp = new AbortController();
    // Nobody will read the answer, so nobody gets the pod: what was issued for it is undone.
    response.on('close', () => response.writableFinished || hungUp.abort());
    const parsed = parseReview(request.rawBody ?? Buffer.alloc(0));
    if (!parsed.creation) {
      sendJson(response, answerReview(parsed.uid, { warnings: [] }));
      return;
    }
    const work = { deadline: deadlineIn(workMs, clock, hungUp.signal), vaultCalls: 0 };
    const verdict = await admit(parsed.creation, work, deadlineIn(answerMs, clock), admission);
    sendJson(response, answerReview(parsed.creation.uid, verdict));
  }

  const gets = new Map<string, (response: Response) => Promise<void>>([
    ['/healthz', async (response) => sendText(response, 200, 'ok')],
    [
      '/readyz',
      async (response) => {
        await session.ready(deadlineIn(READY_WITHIN_MS, clock));
        sendText(response, 200, 'ok');
      },
    ],
    [
      '/metrics',
      async (response) => {
        const { contentType, text } = await metrics.expose();
        response.setHeader('content-type', contentType);
        response.end(text);
      },
    ],
  ]);

  async function route(request: Request, response: Response): Promise<void> {
    const get = gets.get(request.path);
    if (get && (request.method === 'GET' || request.method === 'HEAD')) return get(response);
    if (request.path === '/' && request.method === 'POST') return review(request, response);
    if (!get && request.path !== '/')
      throw new InjectorError('request_not_found', 'there is nothing at this path');
    throw new InjectorError('request_method', `expected ${get ? 'GET' : 'POST'}`);
  }

  return async (request, response) => {
    try {
      await route(request, response);
    } catch (thrown) {
      const error = asInjectorError(thrown);
      const { status } = ERROR_CATALOGUE[error.code];
      if (status >= 500) log.error('request failed', thrown);
      if (!response.headersSent) sendText(response, status, error.message);
    }
  };
}

function sendJson(response: Response, body: object): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}

function sendText(response: Response, status: number, line: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(`${line}\n`);
}
