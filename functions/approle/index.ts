/** The approle function's process: an event sink that is served until SIGTERM. */
import type { HttpFunction } from '@google-cloud/functions-framework';
import { deadlineIn } from '../../shared/deadline.ts';
import { changedPodIn } from '../../shared/events/changed-pod.ts';
import { readCloudEvent } from '../../shared/events/cloud-event.ts';
import { beginLogin } from '../../shared/first-login.ts';
import { sendText } from '../../shared/http/routes.ts';
import { serveEvents } from '../../shared/http/serve-events.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { createReadRunningPod } from '../../shared/kubernetes/init-containers.ts';
import { refuseToStart } from '../../shared/runtime.ts';
import { originOf } from '../../shared/telemetry/origin.ts';
import { listenForTermination } from '../../shared/termination.ts';
import { createCaFile } from '../../shared/vault/ca-file.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import { createSecretIds } from '../../shared/vault/secret-ids.ts';
import { createVaultRuntime, type VaultRuntime } from '../../shared/vault-runtime.ts';
import { createCheckAddress } from './address.ts';
import { connect } from './connection.ts';
import { createJudge } from './due.ts';
import { createPush } from './handler.ts';

// A pod is at most 1.5 MiB in etcd; its event wraps it if the source is in mode Resource.
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
const PUSH_WITHIN_MS = 15_000;

function wire(
  { config, vault, metrics, log, clock }: VaultRuntime,
  api: ReturnType<typeof createKubernetesApi>,
) {
  const { appRole } = config;
  const { address, namespace, caFile: path } = config.vault;
  const caFile = path === undefined ? undefined : createCaFile(path, clock);
  return createPush({
    judge: createJudge({
      readPod: createReadRunningPod(api),
      checkAddress: createCheckAddress(appRole.podCidrs),
      rules: appRole,
      log,
    }),
    secretIds: createSecretIds(vault.session, appRole.path),
    connect,
    wrapTtlSeconds: appRole.wrapTtlSeconds,
    bindAddress: appRole.bindAddress,
    vault: { address, namespace },
    readVaultCa: () => caFile?.read(),
    metrics,
    log,
  });
}

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const end = listenForTermination();
  const runtime = createVaultRuntime('approle', environment);
  const { config, clock, log, metrics } = runtime;
  if (!config.appRole.roles)
    log.warn('security: without appRoleMap any pod may have any AppRole, by its annotations alone');
  await beginLogin(runtime);
  const api = createKubernetesApi();
  const push = wire(runtime, api);
  const receive: HttpFunction = async (request, response) => {
    const event = await readCloudEvent(request);
    const pod = changedPodIn(event);
    using deadline = deadlineIn(PUSH_WITHIN_MS, clock);
    const work = beginWork(deadline, originOf(event.id, request.get('traceparent')));
    let outcome = 'failed';
    try {
      outcome = pod ? await push(pod, work) : 'ignored';
    } finally {
      metrics.count('approle_events_total', { outcome });
    }
    sendText(response, 204, '');
  };
  await serveEvents(receive, MAX_EVENT_BYTES, runtime, api, end);
}

main(process.env).catch(refuseToStart);
