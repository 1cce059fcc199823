/** One pod of a Knative Service: our function's process, and Knative's real queue-proxy in front of it. */
import {
  type FunctionOptions,
  type FunctionPart,
  type FunctionSettings,
  startFunction,
} from '../function.ts';
import { request } from '../http.ts';
import { findOrInstall } from '../install/index.ts';
import type { KnativeService } from '../manifests.ts';
import { freePort } from '../process/ports.ts';
import type { Processes } from '../process/processes.ts';
import { isolated } from './isolate.ts';

export type Instance = {
  /** Port of the queue-proxy. */
  url: string;
  /** The function's own log. */
  logFile: string;
  runs(): boolean;
  /**
   * Ends like a pod under its kubelet: first the queue-proxy, once it has been quiet for long enough, then the
   * function.
   */
  retire(): Promise<void>;
};

const queuePort = 8012;
// The queue-proxy answers such a request itself, after asking the function's readiness probe.
const probeHeaders = { 'K-Network-Probe': 'queue', 'User-Agent': 'Knative-Activator-Probe' };

type QueueProxyOptions = { service: KnativeService; number: number; userPort: number; logFile: string };

const startQueueProxy = async (processes: Processes, options: QueueProxyOptions) => {
  const { service, number, userPort, logFile } = options;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const revision = `${service.name}-00001`;
  const probe = { httpGet: { ...service.readinessProbe, port: userPort, host: '127.0.0.1', scheme: 'HTTP' } };
  const spec = await isolated(
    {
      name: `${service.name}-queue-proxy${number === 1 ? '' : `-${number}`}`,
      command: await findOrInstall('queue-proxy', () => {}),
      args: [],
      env: {
        QUEUE_SERVING_PORT: String(queuePort),
        QUEUE_SERVING_TLS_PORT: '8112',
        USER_PORT: String(userPort),
        CONTAINER_CONCURRENCY: String(service.containerConcurrency),
        REVISION_TIMEOUT_SECONDS: String(service.timeoutSeconds),
        REVISION_RESPONSE_START_TIMEOUT_SECONDS: String(service.responseStartTimeoutSeconds ?? 0),
        SERVING_READINESS_PROBE: JSON.stringify({ ...probe, successThreshold: 1 }),
        SERVING_NAMESPACE: service.namespace,
        SERVING_SERVICE: service.name,
        SERVING_CONFIGURATION: service.name,
        SERVING_REVISION: revision,
        SERVING_POD: `${revision}-${number}`,
        SERVING_POD_IP: '127.0.0.1',
        SERVING_LOGGING_CONFIG: '{}',
        SERVING_LOGGING_LEVEL: '',
      },
      address: url,
      logFile,
      // An orderly end would wait 30 s for stragglers, even when the whole stack ends.
      stopSignal: 'SIGKILL',
      ready: async () => (await request(url, { headers: probeHeaders })).status === 200,
      readyWithinMs: 20_000,
    },
    { inside: [{ outside: port, inside: queuePort }], outward: [userPort] },
  );
  return { part: await processes.start('function', spec), url };
};

export type InstanceOptions = {
  service: KnativeService;
  number: number;
  /** Whether this machine lets us make network namespaces; without one, there is no queue-proxy. */
  queueProxy: boolean;
  /** Keys of the function's configuration in place of the stack's. */
  overrides?: FunctionOptions['overrides'];
};

export const startInstance = async (
  processes: Processes,
  settings: FunctionSettings,
  { service, number, queueProxy, overrides = {} }: InstanceOptions,
): Promise<Instance> => {
  const userPort = await freePort();
  const starting = startFunction(processes, settings, {
    name: service.name,
    // The gateway ends it.
    overrides: { certFile: null, keyFile: null, ...overrides },
    port: userPort,
    until: queueProxy ? 'spawned' : 'ready',
  });
  if (!queueProxy) {
    const part = await starting;
    return { url: part.url, logFile: part.logFile, runs: part.runs, retire: part.stop };
  }
  const [part, proxy] = await together(
    starting,
    startQueueProxy(processes, {
      service,
      number,
      userPort,
      logFile: `${settings.folder}/${service.name}-queue-proxy-${number}.log`,
    }),
  );
  return {
    url: proxy.url,
    logFile: part.logFile,
    runs: () => part.runs() && proxy.part.runs(),
    retire: async () => {
      proxy.part.kill('SIGTERM');
      await Promise.race([proxy.part.exited, part.exited]);
      await Promise.all([part.stop(), proxy.part.stop()]);
    },
  };
};

/** Both, or neither: the one that was started must not outlive the failure of the other. */
const together = async <P extends { stop(): Promise<void> }>(
  first: Promise<FunctionPart>,
  second: Promise<{ part: P; url: string }>,
): Promise<[FunctionPart, { part: P; url: string }]> => {
  try {
    return await Promise.all([first, second]);
  } catch (error) {
    await first.then(({ stop }) => stop()).catch(() => {});
    await second.then(({ part }) => part.stop()).catch(() => {});
    throw error;
  }
};
