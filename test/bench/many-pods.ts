/** Pods and grants in numbers, made without an admission each: what a sweep has to look through. */
import pLimit from 'p-limit';
import { v7 as newUuid } from 'uuid';
import { UUID_ANNOTATION } from '../../shared/annotations.ts';
import type { AttachedStack } from '../stack/index.ts';
import { benchPod } from './pod.ts';

const AT_ONCE = 24;
const NAMESPACE = 'team-infrastructure';
const WEBHOOK = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/vault-db-injector';

/** The API server accepts labelled pods unchanged after this. */
export async function withoutWebhook({ kubernetes }: AttachedStack): Promise<void> {
  await kubernetes.call('DELETE', WEBHOOK);
}

/** Creates pods with a record each. The records name leases that Vault does not have: nothing of them may come due. */
export async function addPods(stack: AttachedStack, count: number): Promise<void> {
  const limit = pLimit(AT_ONCE);
  await Promise.all(Array.from({ length: count }, () => limit(() => addPod(stack, newUuid()))));
}

async function addPod({ kubernetes, vault, environment }: AttachedStack, uuid: string): Promise<void> {
  const ledger = `${environment['VAULT_SECRET_NAME']}/data/${environment['VAULT_SECRET_PREFIX']}`;
  const data = {
    LeaseId: `pgsql2-dv/creds/gule-rw/${uuid.slice(-12)}`,
    TokenId: `bench-${uuid}`,
    Namespace: NAMESPACE,
    ServiceAccountName: 'vault-pgsql-example',
    PodName: '',
    NodeName: '',
    LeaseTtlSeconds: 86_400,
    TokenPeriodSeconds: 2_764_800,
  };
  await vault.call('POST', `${ledger}/${uuid}`, { data });
  const pod = benchPod({ generateName: 'bench-' }, { [UUID_ANNOTATION]: uuid });
  await kubernetes.call('POST', `/api/v1/namespaces/${NAMESPACE}/pods`, pod);
}
