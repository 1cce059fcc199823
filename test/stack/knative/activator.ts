/**
 * A stub of Knative's activator and autoscaler, which need a kubelet: holds the first request, has an instance of the
 * function started, forwards, and ends the instance when nobody has asked for a while.
 */
import { Agent, createServer } from 'node:http';
import { freePort } from '../process/ports.ts';
import { forward } from './forward.ts';
import type { Instance } from './instance.ts';

export type Activator = {
  url: string;
  /** How often it started an instance. */
  starts(): number;
  /** Scales to zero now, as after the idle time: the instance ends in order, in the background. */
  scaleToZero(): void;
  /** No instance can be started until it is resumed. */
  suspend(): void;
  resume(): void;
};

export type ActivatorOptions = {
  start(number: number): Promise<Instance>;
  idleMs: number;
  onFailure(error: unknown): void;
};

const checkEveryMs = 1_000;
const headers = { 'k-proxy-request': 'activator' };
export const startActivator = async ({ start, idleMs, onFailure }: ActivatorOptions): Promise<Activator> => {
  const agent = new Agent({ keepAlive: true });
  let starts = 0;
  let instance: Promise<Instance> | undefined;
  let up: Instance | undefined;
  let suspended = false;
  let underWay = 0;
  let idleSince = performance.now();

  const current = (): Promise<Instance> => {
    if (up !== undefined && !up.runs()) scaleToZero();
    if (suspended) return Promise.reject(new Error('it is suspended'));
    if (instance !== undefined) return instance;
    starts += 1;
    const starting = start(starts);
    instance = starting;
    starting.then(
      (started) => {
        if (instance === starting) up = started;
      },
      (error: unknown) => {
        instance = undefined;
        onFailure(error);
      },
    );
    return starting;
  };

  const scaleToZero = (): void => {
    const last = up;
    up = undefined;
    instance = undefined;
    last?.retire().catch(onFailure);
  };

  const server = createServer((incoming, outgoing) => {
    underWay += 1;
    outgoing.on('close', () => {
      underWay -= 1;
      idleSince = performance.now();
    });
    current().then(
      ({ url }) => forward(incoming, outgoing, { to: url, headers, agent }),
      () => outgoing.writeHead(503).end('no instance could be started\n'),
    );
  });
  setInterval(() => {
    if (up !== undefined && underWay === 0 && performance.now() - idleSince > idleMs) scaleToZero();
  }, checkEveryMs).unref();

  const port = await freePort();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  server.unref();
  return {
    url: `http://127.0.0.1:${port}`,
    starts: () => starts,
    scaleToZero,
    suspend: () => {
      suspended = true;
      scaleToZero();
    },
    resume: () => {
      suspended = false;
    },
  };
};
