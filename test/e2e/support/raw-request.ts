/** Requests that no well-behaved client would send: cut in pieces, too long, encoded, given up half-way. */
import { request } from 'node:https';
import { authority } from './stack.ts';

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent one after the other; without a declared length they are chunks (RFC 9112, 7.1). */
  readonly pieces?: readonly (string | Buffer)[];
}

export interface RawAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** What the server says, even if it says so and hangs up before it has heard all. */
export function sendRaw(url: string, { method = 'POST', headers = {}, pieces = [] }: RawRequest) {
  return new Promise<RawAnswer>((resolve, reject) => {
    const sent = request(url, { method, headers, ca: authority, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      // Whether it ends in order or with the connection: what has come is the answer.
      answer.on('close', () =>
        resolve({
          status: answer.statusCode ?? 0,
          contentType: answer.headers['content-type'],
          body: Buffer.concat(chunks).toString(),
        }),
      );
      answer.on('error', () => {});
    });
    sent.on('error', reject);
    for (const piece of pieces) sent.write(piece);
    sent.end();
  });
}
