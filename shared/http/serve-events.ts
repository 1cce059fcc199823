/** An event sink: accepts its configured senders only, and serves until SIGTERM. */
import type { HttpFunction } from '@google-cloud/functions-framework';
import { createBackground } from '../background.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { Runtime } from '../runtime.ts';
import type { Termination } from '../termination.ts';
import type { VaultRuntime } from '../vault-runtime.ts';
import { fromSenders } from './from-senders.ts';
import { createRoutes } from './routes.ts';

/** @param runtime without `vault`, it is ready as soon as it listens. */
export async function serveEvents(
  receive: HttpFunction,
  maxEventBytes: number,
  runtime: Runtime & Partial<Pick<VaultRuntime, 'vault'>>,
  api: KubernetesApi,
  end: Termination,
): Promise<void> {
  const { config, clock, log, metrics, vault } = runtime;
  const checkSender = fromSenders(config.senders, { api, clock, log });
  const routes = createRoutes(receive, {
    ...(checkSender && { checkSender }),
    session: vault?.session ?? { ready: async () => {} },
    metrics: config.metrics.port === undefined ? metrics : undefined,
    log,
    clock,
  });
  const background = createBackground((thrown) => log.error('work in the background failed', thrown));
  const { runFunction } = await import('./run-function.ts');
  await runFunction(routes, maxEventBytes, runtime, background, end);
}
