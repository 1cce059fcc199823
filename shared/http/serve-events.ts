/** An event sink: accepts its configured senders only, and serves until SIGTERM. */
import type { HttpFunction } from '@google-cloud/functions-framework';
import { createBackground } from '../background.ts';
import type { KubernetesApi } from '../kubernetes/api.ts';
import type { Parts } from '../parts.ts';
import type { Surroundings } from '../surroundings.ts';
import type { ToldToEnd } from '../told-to-end.ts';
import { fromSenders } from './from-senders.ts';
import { createRoutes } from './routes.ts';

/** @param parts without `vault`, it is ready as soon as it listens. */
export async function serveEvents(
  receive: HttpFunction,
  maxEventBytes: number,
  parts: Surroundings & Partial<Pick<Parts, 'vault'>>,
  api: KubernetesApi,
  end: ToldToEnd,
): Promise<void> {
  const { config, clock, log, metrics, vault } = parts;
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
  await runFunction(routes, maxEventBytes, parts, background, end);
}
