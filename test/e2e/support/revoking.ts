/** Revocation functions over a fleet, and Knative's event source in front of them. */

import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { startEventSource } from '../../stack/event-source.ts';
import { request } from '../../stack/http.ts';
import { readManifests } from '../../stack/manifests.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { until } from '../../stack/wait.ts';
import type { Fleet, Given, Keys } from './fleet.ts';
import { parseMetrics } from './metrics.ts';
import { authority, stack } from './stack.ts';

const processes = createProcesses();
afterAll(() => processes.stop());

export type RevocationFunction = Awaited<ReturnType<typeof startRevocation>>;

/** @param keys of its configuration, on top of the fleet's; its Vault may be a proxy. */
export async function startRevocation(
  fleet: Fleet,
  keys: Keys = {},
  env: Readonly<Record<string, string>> = {},
) {
  const part = await stack.startFunction({
    name: 'revocation',
    overrides: { ...fleet.keys, ...keys },
    env: { ...env },
  });
  const log = async () => {
    const lines = (await readFile(part.logFile, 'utf8')).split('\n');
    return lines.flatMap((line): Record<string, unknown>[] =>
      line.startsWith('{') ? [Object.fromEntries(Object.entries(JSON.parse(line)))] : [],
    );
  };
  return {
    ...part,
    log,
    /** Waits for a line of its log. */
    says: (message: string | RegExp) =>
      until(`it says "${message}"`, async () =>
        (await log()).some(({ msg }) =>
          typeof message === 'string' ? msg === message : message.test(String(msg)),
        ),
      ),
    /** How many events came to which end. */
    outcomes: async () => {
      const samples = parseMetrics((await request(`${part.url}/metrics`)).body);
      const events = Object.entries(samples).flatMap(([name, value]) => {
        const [, outcome] = /deletion_events_total\{outcome="(\w+)"\}/.exec(name) ?? [];
        return outcome === undefined ? [] : [[outcome, value] as const];
      });
      return Object.fromEntries(events);
    },
  };
}

/** Knative's own, watching the fleet's pods from now on. */
export async function startSource(fleet: Fleet, sink: string) {
  const { functions, kubernetes } = stack.description;
  return startEventSource(processes, {
    folder: await mkdtemp(join(functions.folder, 'source-')),
    cluster: { url: kubernetes.url, admin: stack.kubernetes },
    ca: authority,
    source: (await readManifests()).apiServerSource('pods'),
    sink,
    label: fleet.label,
    onProgress: () => {},
  });
}

export const DELETED = 'dev.knative.apiserver.resource.delete';

export interface PodEvent {
  readonly type?: string;
  readonly id?: string;
  readonly data?: unknown;
  readonly traceparent?: string;
  /** The sender's token. */
  readonly authorization?: string;
}

/** The pod as a delete event carries it. */
export const dataOf = ({ namespace, name, uuids }: Pick<Given, 'namespace' | 'name' | 'uuids'>) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    namespace,
    name,
    annotations: { 'db-creds-injector.numberly.io/uuid': uuids.join(',') },
  },
});

export const eventHeaders = (id: string, type = DELETED) => ({
  'content-type': 'application/json',
  'ce-specversion': '1.0',
  'ce-type': type,
  'ce-source': 'https://api-server',
  'ce-id': id,
});

/** An event in binary mode, as the event source sends it. */
export function send(
  to: { readonly url: string },
  { type = DELETED, id = '1', data = {}, traceparent, authorization }: PodEvent,
) {
  return request(`${to.url}/`, {
    method: 'POST',
    headers: {
      ...eventHeaders(id, type),
      ...(traceparent !== undefined && { traceparent }),
      ...(authorization !== undefined && { authorization }),
    },
    body: JSON.stringify(data),
    timeoutMs: 30_000,
  });
}
