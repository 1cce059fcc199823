/** The dead letter sink's process. It needs the API server only: neither its start nor its readiness asks Vault. */
import type { HttpFunction } from '@google-cloud/functions-framework';
import { parseDeadLetterConfig } from '../../shared/config.ts';
import { deadlineIn } from '../../shared/deadline.ts';
import { DEAD_LETTER_LABEL } from '../../shared/events/dead-letter.ts';
import { sendText } from '../../shared/http/routes.ts';
import { serveEvents } from '../../shared/http/serve-events.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { createConfigMaps } from '../../shared/kubernetes/config-maps.ts';
import { createRuntime, readConfigFile, refuseToStart } from '../../shared/runtime.ts';
import { listenForTermination } from '../../shared/termination.ts';
import { createKeepDeadLetter } from './handler.ts';

// A pod is at most 1.5 MiB in etcd; its event wraps it.
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
const KEEP_WITHIN_MS = 10_000;

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const end = listenForTermination();
  const file = readConfigFile(environment['CONFIG_FILE']);
  const runtime = createRuntime('dead-letters', parseDeadLetterConfig({ file, environment }));
  const { clock, log, metrics } = runtime;
  const api = createKubernetesApi();
  const keep = createKeepDeadLetter({ configMaps: createConfigMaps(api, DEAD_LETTER_LABEL), metrics, log });
  const receive: HttpFunction = async (request, response) => {
    using deadline = deadlineIn(KEEP_WITHIN_MS, clock);
    await keep(request, deadline);
    sendText(response, 204, '');
  };
  await serveEvents(receive, MAX_EVENT_BYTES, runtime, api, end);
}

main(process.env).catch(refuseToStart);
