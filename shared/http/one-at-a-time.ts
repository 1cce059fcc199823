/**
 * No client of ours sends a request before it has the answer to the one before it. Whoever does may have thousands begun
 * by a few kilobytes, and all others wait for them.
 */
import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** @returns the same listener, which is asked for one request of a connection at a time: a second one ends it. */
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
