/**
 * Our clients send a request only after the answer to the previous one. A client that pipelines could start thousands
 * with a few kilobytes, and all others would wait for them.
 */
import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** @returns the same listener, limited to one request per connection at a time: a second one closes the connection. */
export function oneAtATime(listener: RequestListener): RequestListener {
  const underWay = new WeakMap<Socket, ServerResponse>();
  return (request, response) => {
    const { socket } = request;
    const before = underWay.get(socket);
    if (before && !before.writableFinished) {
      socket.destroy();
      return;
    }
    underWay.set(socket, response);
    listener(request, response);
  };
}
