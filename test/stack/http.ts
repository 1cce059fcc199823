import { type IncomingHttpHeaders, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';

export type HttpRequest = {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** PEM of the authority that signed the server's certificate. */
  ca?: string | undefined;
  /** PEM of a client certificate and its key. */
  cert?: string | undefined;
  key?: string | undefined;
  timeoutMs?: number;
};

export type HttpAnswer = { status: number; headers: IncomingHttpHeaders; body: string };

// Parts are stopped and started again on the same port: a kept connection would answer for the one that is gone.
const plainAgent = new PlainAgent({ keepAlive: false });
const secureAgent = new SecureAgent({ keepAlive: false });

/** One request. `fetch` can neither be given an authority nor a client certificate. */
export const request = (url: string, options: HttpRequest = {}): Promise<HttpAnswer> => {
  const { method = 'GET', headers = {}, body, ca, cert, key, timeoutMs = 30_000 } = options;
  const secure = url.startsWith('https:');
  const common = { method, headers, timeout: timeoutMs };

  return new Promise((resolve, reject) => {
    const sent = secure
      ? secureRequest(url, { ...common, agent: secureAgent, ca, cert, key })
      : plainRequest(url, { ...common, agent: plainAgent });
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${url} in ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0, headers: answered } = response;
        resolve({ status: statusCode, headers: answered, body: Buffer.concat(chunks).toString() });
      });
    });
    sent.end(body);
  });
};

/** The answer's JSON, or an error that names the request and shows what came back instead. */
export const requestJson = async (url: string, options: HttpRequest = {}): Promise<unknown> => {
  const answer = await request(url, options);
  if (answer.status >= 300) {
    throw new Error(`${options.method ?? 'GET'} ${url}: ${answer.status} ${answer.body.trim()}`);
  }
  return answer.body === '' ? undefined : JSON.parse(answer.body);
};
