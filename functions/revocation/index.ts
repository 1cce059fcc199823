/** The revocation function's process: an event sink that is served until SIGTERM. */
import type { HttpFunction } from '@google-cloud/functions-framework';
import { deadlineIn } from '../../shared/deadline.ts';
import { type CloudEvent, readCloudEvent } from '../../shared/events/cloud-event.ts';
import { type DeletedPod, deletedPodIn } from '../../shared/events/deleted-pod.ts';
import { beginLogin } from '../../shared/first-login.ts';
import { withSecretDeletion } from '../../shared/grants/secret-deletion.ts';
import { sendText } from '../../shared/http/routes.ts';
import { serveEvents } from '../../shared/http/serve-events.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { createPods } from '../../shared/kubernetes/pods.ts';
import { createPodSecrets } from '../../shared/kubernetes/secrets.ts';
import { refuseToStart } from '../../shared/runtime.ts';
import { originOf } from '../../shared/telemetry/origin.ts';
import { listenForTermination } from '../../shared/termination.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import { createVaultRuntime } from '../../shared/vault-runtime.ts';
import { createRevoke } from './handler.ts';
import { createNamespaceClaims } from './namespace-claims.ts';

// A pod is at most 1.5 MiB in etcd; its event wraps it.
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
const REVOKE_WITHIN_MS = 10_000;

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const end = listenForTermination();
  const runtime = createVaultRuntime('revocation', environment);
  const { config, clock, log, metrics, vault } = runtime;
  await beginLogin(runtime);
  const api = createKubernetesApi();
  const pods = createPods(api);
  const revoke = createRevoke({
    ...vault,
    revocation: withSecretDeletion(vault.revocation, createPodSecrets(api), log),
    pods,
    namespaceClaims: createNamespaceClaims(pods),
    metrics,
    log,
    clock,
    clusterId: config.clusterId,
  });
  /** An unreadable event stays unreadable when it is sent again: the sweep finds its grants. */
  const deletionIn = (event: CloudEvent): DeletedPod | 'malformed' | 'ignored' => {
    try {
      return deletedPodIn(event) ?? 'ignored';
    } catch (error) {
      const message = 'a delete event cannot be read, and retries will not help: it is left to the sweep';
      log.denied(message, error, { requestUid: event.id, outcome: 'malformed' });
      return 'malformed';
    }
  };
  const receive: HttpFunction = async (request, response) => {
    const event = await readCloudEvent(request);
    const pod = deletionIn(event);
    if (typeof pod === 'string') {
      metrics.count('deletion_events_total', { outcome: pod });
    } else {
      using deadline = deadlineIn(REVOKE_WITHIN_MS, clock);
      await revoke(pod, beginWork(deadline, originOf(event.id, request.get('traceparent'))));
    }
    sendText(response, 204, '');
  };
  await serveEvents(receive, MAX_EVENT_BYTES, runtime, api, end);
}

main(process.env).catch(refuseToStart);
