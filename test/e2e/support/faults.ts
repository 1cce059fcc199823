/** What can go wrong with one request to Vault. */
import type { Answer, Fault } from './fault-proxy.ts';

/** The connection breaks before Vault has seen the request. */
export const cutBefore: Fault = (exchange) => exchange.cut();

/** Vault has done what it was asked for; nobody hears of it. */
export const cutAfter: Fault = async (exchange) => {
  await exchange.forward();
  exchange.cut();
};

/** Vault's answer breaks off in its middle. */
export const cutWithin: Fault = async (exchange) => exchange.replyHalf(await exchange.forward());

/** Vault does not see the request; this comes back. */
export const answering =
  (status: number, body = '', headers: Readonly<Record<string, string>> = {}): Fault =>
  (exchange) =>
    exchange.reply({ status, body, headers });

/** Vault does what it was asked for; something else comes back than what it said. */
export const garbling =
  (garble: (body: string) => string): Fault =>
  async (exchange) => {
    const answer = await exchange.forward();
    exchange.reply({ ...answer, body: garble(answer.body) });
  };

/** Something happens before Vault sees the request. */
export const beforehand =
  (happening: () => unknown): Fault =>
  async (exchange) => {
    await happening();
    exchange.reply(await exchange.forward());
  };

/** Something happens between Vault's doing and its answer. */
export const afterwards =
  (happening: (answer: Answer) => unknown): Fault =>
  async (exchange) => {
    const answer = await exchange.forward();
    await happening(answer);
    exchange.reply(answer);
  };

/** Neither request nor answer gets through until it is released. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

const errors = (...lines: string[]) => JSON.stringify({ errors: lines });

export const rateLimited = answering(429, errors('request path "x": rate limit quota exceeded'), {
  'retry-after': '1',
});
export const badGateway = answering(502, '<html>502 Bad Gateway</html>');
export const gatewayTimeout = answering(504, '<html>504 Gateway Time-out</html>');
export const unavailable = answering(503, '<html>503 Service Unavailable</html>');
export const sealed = answering(503, errors('Vault is sealed'));
export const standbyBehind = answering(412, errors('required index state not present'));
