/** Facts that the checks need, each read once. */
import * as v from 'valibot';
import type { Config } from '../../shared/config.ts';
import type { Environment } from '../../shared/config-source.ts';
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { type KubernetesClient, KubernetesError } from '../../shared/kubernetes/api.ts';
import { readObject } from '../../shared/kubernetes/objects.ts';
import type { Secret } from '../../shared/secret.ts';
import type { VaultClient } from '../../shared/vault/index.ts';
import { beginWork, type Work } from '../../shared/vault/requests.ts';
import type { InstallationOptions } from '../command.ts';
import { type Installation, readInstallation } from '../installation.ts';
import { NAMESPACE } from '../objects.ts';
import type { ProcessName } from '../processes.ts';
import { operatorToken } from '../vault-environment.ts';
import { type GrantInUse, readGrantsInUse } from './grants-in-use.ts';

export interface Facts {
  readonly api: KubernetesClient;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The operator's token, which may see more of Vault than the injector; absent without one. */
  readonly operatorToken: Secret | undefined;
  installation(): Promise<Installation>;
  config(process?: ProcessName): Promise<Config>;
  /** Logged in as that process. */
  vault(process?: ProcessName): Promise<VaultClient>;
  grants(): Promise<readonly GrantInUse[]>;
  /** Whether the functions are Knative's: without it the admission function is a Deployment, and the only function. */
  withKnative(): Promise<boolean>;
  deadline(): Deadline;
  work(): Work;
  /** Revokes all logins. */
  close(): Promise<void>;
}

const LOOK_WITHIN_MS = 5_000;

export function createFacts(
  api: KubernetesClient,
  options: InstallationOptions,
  environment: Environment,
): Facts {
  const deadline = () => deadlineIn(LOOK_WITHIN_MS, monotonicClock);
  const clients = new Map<ProcessName, VaultClient>();
  let reading: Promise<Installation> | undefined;
  let grants: Promise<readonly GrantInUse[]> | undefined;
  let withKnative: Promise<boolean> | undefined;
  const installation = () => {
    reading ??= readInstallation(api, options, environment, deadline());
    return reading;
  };
  const facts: Facts = {
    api,
    now: Date.now,
    operatorToken: operatorToken(environment),
    installation,
    config: async (process = 'renewal') => (await installation()).config(process),
    async vault(process = 'renewal') {
      const client = clients.get(process) ?? (await installation()).vault(process);
      clients.set(process, client);
      return client;
    },
    grants() {
      grants ??= readGrantsInUse(facts);
      return grants;
    },
    withKnative() {
      withKnative ??= readWithKnative(facts);
      return withKnative;
    },
    deadline,
    work: () => beginWork(deadline()),
    async close() {
      // A login that cannot be revoked expires by itself.
      const ends = [...clients.values()].map((client) =>
        client.session.close(deadline()).finally(client.close),
      );
      await Promise.allSettled(ends);
    },
  };
  return facts;
}

const ADMISSION = [
  `/apis/serving.knative.dev/v1/namespaces/${NAMESPACE}/services/admission`,
  `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/admission`,
] as const;
const Anything = v.object({ kind: v.string() });

/** Assumes the usual installation if it may not be read. */
async function readWithKnative({ api, deadline }: Pick<Facts, 'api' | 'deadline'>): Promise<boolean> {
  const [service, deployment] = await Promise.all(
    ADMISSION.map((path) =>
      readObject(api, path, Anything, deadline()).catch((error: unknown) => {
        if (error instanceof KubernetesError) return undefined;
        throw error;
      }),
    ),
  );
  return service !== undefined || deployment === undefined;
}
