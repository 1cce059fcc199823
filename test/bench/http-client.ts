/** A bare HTTP client on kept-alive connections: what a request costs without anything of ours. */
import http from 'node:http';

export interface HttpClient {
  /** The parsed answer. Throws for a status that is not 2xx. */
  send(
    method: string,
    path: string,
    body?: object | string,
    headers?: Record<string, string>,
  ): Promise<unknown>;
}

export function createHttpClient(address: string): HttpClient {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  return {
    async send(method, path, body, headers = {}) {
      const text = typeof body === 'object' ? JSON.stringify(body) : body;
      const length = { 'content-length': String(Buffer.byteLength(text ?? '')) };
      const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
        const options = { method, agent, headers: { ...headers, ...length } };
        http.request(new URL(path, address), options, resolve).on('error', reject).end(text);
      });
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk);
      const received = Buffer.concat(chunks).toString('utf8');
      if ((answer.statusCode ?? 500) >= 300)
        throw new Error(`${method} ${path}: ${answer.statusCode} ${received}`);
      return received.startsWith('{') ? JSON.parse(received) : received;
    },
  };
}
