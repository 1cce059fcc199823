/** While all credentials are being revoked, renewal is suspended. The next installation resumes it. */
import type { Kubectl } from './kubectl.ts';
import { type KubernetesObject, NAMESPACE, reference } from './objects.ts';

export const RENEWAL = reference('batch/v1', 'CronJob', 'renewal', NAMESPACE);
const MARK = 'vault-db-injector.numberly.io/suspended-by-uninstallation';

export function suspendRenewal(kubectl: Kubectl): Promise<void> {
  return patch(kubectl, { metadata: { annotations: { [MARK]: 'true' } }, spec: { suspend: true } });
}

/** A suspension by a person is left alone. */
export function isSuspendedByUs(renewal: KubernetesObject | undefined): boolean {
  return renewal?.metadata.annotations?.[MARK] !== undefined;
}

export function resumeRenewal(kubectl: Kubectl): Promise<void> {
  return patch(kubectl, { metadata: { annotations: { [MARK]: null } }, spec: { suspend: false } });
}

async function patch(kubectl: Kubectl, change: object): Promise<void> {
  const { name } = RENEWAL.metadata;
  const manager = '--field-manager=vault-db-injector-uninstallation';
  const given = ['--type=merge', `--patch=${JSON.stringify(change)}`, manager];
  await kubectl.text(['patch', 'cronjob', name, `--namespace=${NAMESPACE}`, ...given]);
}
