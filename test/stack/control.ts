import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { constants } from 'node:os';
import { request } from './http.ts';
import { freePort } from './process/ports.ts';
import type { StackControl } from './process/processes.ts';

const isSignal = (name: string): name is NodeJS.Signals => Object.keys(constants.signals).includes(name);

const act = async (control: StackControl, verb: string, name: string): Promise<number | undefined> => {
  if (verb === 'starts') return control.starts(name);
  if (verb === 'scale-to-zero') await control.scaleToZero(name);
  else if (verb === 'suspend') await control.suspend(name);
  else if (verb === 'resume') await control.resume(name);
  else if (verb === 'start') await control.start(name);
  else if (verb === 'stop') await control.stop(name);
  else if (isSignal(verb)) await control.signal(name, verb);
  else throw new Error(`cannot ${verb} a part`);
  return undefined;
};

/**
 * Lets other processes stop and start the parts: a part must go on being the child of the process that runs the stack,
 * or it would end with the test that started it again. The URL is a secret.
 */
export const serveControl = async (control: StackControl): Promise<string> => {
  const secret = randomUUID();
  const server = createServer(async (incoming, outgoing) => {
    const [, given, verb = '', name = ''] = (incoming.url ?? '').split('/');
    const allowed = given === secret && incoming.method === 'POST';
    try {
      if (!allowed) throw new Error('not allowed');
      const answer = await act(control, verb, name);
      outgoing.writeHead(200).end(String(answer ?? ''));
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
export const remoteControl = (url: string): StackControl => {
  const ask = async (verb: string, name: string): Promise<string> => {
    const answer = await request(`${url}/${verb}/${name}`, { method: 'POST', timeoutMs: 90_000 });
    if (answer.status !== 200) throw new Error(`${verb} ${name}: ${answer.body}`);
    return answer.body;
  };
  return {
    stop: async (name) => void (await ask('stop', name)),
    start: async (name) => void (await ask('start', name)),
    signal: async (name, signal) => void (await ask(signal, name)),
    scaleToZero: async (name) => void (await ask('scale-to-zero', name)),
    suspend: async (name) => void (await ask('suspend', name)),
    resume: async (name) => void (await ask('resume', name)),
    starts: async (name) => Number(await ask('starts', name)),
  };
};
