/** The cluster being checked, and the configuration that its processes start with. */
import { InjectorError } from '../../shared/errors.ts';
import { KubernetesError } from '../../shared/kubernetes/api.ts';
import { whoAmI } from '../../shared/kubernetes/objects.ts';
import type { Installation } from '../installation.ts';
import { NAMESPACE } from '../objects.ts';
import { PROCESSES, type ProcessName } from '../processes.ts';
import { Refusal } from '../refusal.ts';
import { type Check, failed, ok, type Verdict } from './check.ts';
import type { Facts } from './facts.ts';
import { isPart } from './parts-of.ts';

export const EDIT_CONFIGURATION = `kubectl --namespace ${NAMESPACE} edit configmap configuration`;

export const apiServer = ({ api, deadline }: Facts): Check => ({
  name: 'API server',
  needs: [],
  async look() {
    try {
      return ok(`reached as ${await whoAmI(api, deadline())}`);
    } catch (error) {
      if (!(error instanceof KubernetesError)) throw error;
      return failed(error.message, 'kubectl config get-contexts, then --context NAME');
    }
  },
});

export const configuration = (facts: Facts): Check => ({
  name: 'configuration',
  needs: [],
  async look() {
    try {
      const installation = await facts.installation();
      const own = await Promise.all(PROCESSES.map((process) => isPart(process, facts)));
      return judged(
        installation,
        PROCESSES.filter((_, index) => own[index]),
      );
    } catch (error) {
      if (error instanceof Refusal) return failed(error.message, 'npx vault-db-injector install');
      if (isInvalid(error)) return failed(error.message, '--config FILE');
      throw error;
    }
  },
});

const isInvalid = (error: unknown): error is InjectorError =>
  error instanceof InjectorError && error.code === 'configuration_invalid';

/** Each process has its own environment variables, so each may have faults of its own. */
function judged({ source, config }: Installation, processes: readonly ProcessName[]): Verdict {
  const faults = new Set(processes.flatMap((process) => faultsOf(() => config(process))));
  const edit = source.startsWith('ConfigMap') ? EDIT_CONFIGURATION : `edit ${source}`;
  if (faults.size > 0) return failed(`${source}: ${[...faults].join('; ')}`, edit);
  return ok(`${source}: valid for ${processes.join(', ')}`);
}

function faultsOf(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!isInvalid(error)) throw error;
    const [, ...lines] = error.message.split('\n');
    return lines.map((line) => line.trim());
  }
}
