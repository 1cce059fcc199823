/** One HTTP request and its whole answer, which may not be longer than the caller allows. */
import type http from 'node:http';

export interface ExchangeRequest {
  readonly url: string | URL;
  readonly method: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly agent: http.Agent | boolean;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
  readonly maxAnswerBytes: number;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** The answer is longer than the caller allows: the rest was not read. */
export class AnswerOverLimit extends Error {
  constructor() {
    super('the answer is too long');
    this.name = 'AnswerOverLimit';
  }
}

/**
 * @param request of `node:http` or `node:https`.
 * @throws AnswerOverLimit, or Node's error: the connection failed, was cut off, or the signal was aborted.
 */
export function exchange(
  request: typeof http.request,
  { url, method, headers, agent, body, signal, maxAnswerBytes }: ExchangeRequest,
): Promise<ExchangeAnswer> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers, agent, signal }, (answer) => {
      read(answer, maxAnswerBytes).then(
        (text) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
        reject,
      );
    })
      .on('error', reject)
      .end(body);
  });
}

async function read(answer: http.IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // An answer that is cut off throws ECONNRESET.
  for await (const chunk of answer) {
    bytes += chunk.length;
    // Leaving the loop destroys the answer and its connection.
    if (bytes > maxBytes) throw new AnswerOverLimit();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
