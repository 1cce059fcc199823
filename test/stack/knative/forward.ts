/** One hop of the way to a function, for the stubs of what stands on it. */
import { type Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';

// Headers of the hop, not of the request (RFC 9110, 7.6.1).
const hopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade'];

const withoutHopByHop = (headers: IncomingMessage['headers']): IncomingMessage['headers'] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.includes(name)));

export type Hop = {
  /** Where the request goes on to. */
  to: string;
  /** That this hop adds. */
  headers: Record<string, string>;
  agent?: Agent;
};

export const forward = (incoming: IncomingMessage, outgoing: ServerResponse, hop: Hop): void => {
  const { method, url, headers } = incoming;
  const { agent } = hop;
  const sent = request(`${hop.to}${url}`, { method, agent, headers: { ...headers, ...hop.headers } });
  sent.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, withoutHopByHop(answer.headers));
    answer.pipe(outgoing);
    answer.on('error', () => outgoing.destroy());
  });
  sent.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end('the next hop did not answer\n');
  });
  // A caller who hangs up here has hung up on the function.
  outgoing.on('close', () => outgoing.writableFinished || sent.destroy());
  // What they say counts before a body comes.
  sent.flushHeaders();
  incoming.pipe(sent);
};
