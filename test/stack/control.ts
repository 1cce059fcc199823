import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { constants } from 'node:os';
import { request } from './http.ts';
import { freePort } from './process/ports.ts';
import type { PartControl } from './process/processes.ts';

const isSignal = (name: string): name is NodeJS.Signals => Object.keys(constants.signals).includes(name);

const act = async (control: PartControl, verb: string, name: string): Promise<void> => {
  if (verb === 'start') return control.start(name);
  if (verb === 'stop') return control.stop(name);
  if (isSignal(verb)) return control.signal(name, verb);
  throw new Error(`cannot ${verb} a part`);
};

/**
 * Lets other processes stop and start the parts: a part must go on being the child of the process that runs the stack,
 * or it would end with the test that started it again. The URL is a secret.
 */
export const serveControl = async (control: PartControl): Promise<string> => {
  const secret = randomUUID();
  const server = createServer(async (incoming, outgoing) => {
    const [, given, verb = '', name = ''] = (incoming.url ?? '').split('/');
    const allowed = given === secret && incoming.method === 'POST';
    try {
      if (!allowed) throw new Error('not allowed');
      await act(control, verb, name);
      outgoing.writeHead(204).end();
    } catch (error) {
      outgoing.writeHead(400).end(error instanceof Error ? error.message : String(error));
    }
  });
  const port = await freePort();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  server.unref();
  return `http://127.0.0.1:${port}/${secret}`;
};

/** The other end of `serveControl`. */
export const remoteControl = (url: string): PartControl => {
  const ask = async (verb: string, name: string): Promise<void> => {
    const answer = await request(`${url}/${verb}/${name}`, { method: 'POST', timeoutMs: 90_000 });
    if (answer.status !== 204) throw new Error(`${verb} ${name}: ${answer.body}`);
  };
  return {
    stop: (name) => ask('stop', name),
    start: (name) => ask('start', name),
    signal: (name, signal) => ask(signal, name),
  };
};
