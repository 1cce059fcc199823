/** The admission function's process: reads the configuration, wires its dependencies, serves until SIGTERM. */
import { createBackground } from '../../shared/background.ts';
import type { Config } from '../../shared/config.ts';
import { deadlineIn } from '../../shared/deadline.ts';
import { beginLogin } from '../../shared/first-login.ts';
import { createRoutes } from '../../shared/http/routes.ts';
import { createKubernetesApi, type KubernetesApi } from '../../shared/kubernetes/api.ts';
import { createPodSecrets } from '../../shared/kubernetes/secrets.ts';
import { createServiceAccountTokens } from '../../shared/kubernetes/service-account-tokens.ts';
import { refuseToStart } from '../../shared/runtime.ts';
import { listenForTermination } from '../../shared/termination.ts';
import { createVaultRuntime, type VaultRuntime } from '../../shared/vault-runtime.ts';
import type { Admission } from './handler.ts';
import { createOrphanTokens, createServiceAccountLogins } from './pod-tokens.ts';
import { createReviewEndpoint } from './review-endpoint.ts';
import { createSweepWatch } from './sweep-watch.ts';
import { createWebhookPath } from './webhook-path.ts';

const MAX_REVIEW_BYTES = 4 * 1024 * 1024;

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const end = listenForTermination();
  const runtime = createVaultRuntime('admission', environment);
  const { config, clock, log, metrics, vault } = runtime;
  const webhookPath = createWebhookPath({ ...config.webhookPath, clock, log });
  await beginLogin(runtime);
  const api = createKubernetesApi();
  // Loads while Vault works on the login: every first pod waits for a start from zero.
  if (asksApiServer(config)) void api.prepare();
  const background = createBackground((thrown) => log.error('work in the background failed', thrown));
  const newDeadline = (durationMs: number) => deadlineIn(durationMs, clock);
  const reviews = createReviewEndpoint({
    ...vault,
    ...tokenSourceFor(runtime, api),
    secrets: createPodSecrets(api),
    metrics,
    log,
    background,
    clock,
    now: vault.time.now,
    newDeadline,
    sweepWatch: createSweepWatch({ sweeps: vault.sweeps, newDeadline, background, now: vault.time.now, log }),
    clusterId: config.clusterId,
    tokenReference: config.tokenReference,
    injectorLabel: config.injectorLabel,
    podDefaults: config.podDefaults,
    syncIntervalSeconds: config.syncIntervalSeconds,
  });
  const { accepts } = webhookPath;
  const routes = createRoutes(reviews, {
    session: vault.session,
    metrics: config.metrics.port === undefined ? metrics : undefined,
    log,
    clock,
    accepts,
  });
  const { runFunction } = await import('../../shared/http/run-function.ts');
  await runFunction(routes, MAX_REVIEW_BYTES, runtime, background, end);
}

/** Whether every pod needs it: if not, the first pod with files waits while it is loaded. */
function asksApiServer({ podDefaults, projectedServiceAccount }: Config): boolean {
  const { delivery, podsMayChooseDelivery } = podDefaults;
  return delivery === 'secret' || podsMayChooseDelivery || projectedServiceAccount !== undefined;
}

/** Chooses who asks Vault for a pod's credentials, and who decides whether the pod may have them. */
function tokenSourceFor(
  { config, metrics, vault }: VaultRuntime,
  api: KubernetesApi,
): Pick<Admission, 'authorization' | 'podTokens'> {
  const { projectedServiceAccount: projected, tokenPeriodSeconds: periodSeconds } = config;
  if (!projected) {
    const { authorization, grants } = vault;
    const podTokens = createOrphanTokens({ grants, cluster: config.vault.ledgerPrefix, periodSeconds });
    return { authorization, podTokens };
  }
  const tokens = createServiceAccountTokens(api, projected);
  const podTokens = createServiceAccountLogins({ login: vault.podLogin, tokens, metrics });
  return { authorization: undefined, podTokens };
}

main(process.env).catch(refuseToStart);
