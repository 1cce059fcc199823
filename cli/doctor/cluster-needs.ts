/**
 * What each service account does in the cluster: the manifests' roles allow exactly this, and a test keeps both in
 * step.
 */
import type { Right } from '../../shared/kubernetes/objects.ts';
import { NAMESPACE } from '../objects.ts';

const pods = (...verbs: readonly string[]): Right[] =>
  verbs.map((verb) => ({ verb, group: '', resource: 'pods' }));
const secrets = (...verbs: readonly string[]): Right[] =>
  verbs.map((verb) => ({ verb, group: '', resource: 'secrets' }));
const configMaps = (...verbs: readonly string[]): Right[] =>
  verbs.map((verb) => ({ verb, group: '', resource: 'configmaps', namespace: NAMESPACE }));
const ISSUER: readonly Right[] = [
  { verb: 'get', path: '/.well-known/openid-configuration' },
  { verb: 'get', path: '/openid/v1/jwks' },
];

/** Needs by the last part of the service account's name. */
export const CLUSTER_NEEDS: Readonly<Record<string, readonly Right[]>> = {
  admission: secrets('create', 'delete'),
  renewal: [
    ...pods('list'),
    ...secrets('delete', 'patch'),
    { verb: 'get', group: '', resource: 'namespaces', name: 'kube-system' },
    { verb: 'create', group: '', resource: 'events' },
  ],
  revocation: [...pods('get', 'list'), ...secrets('delete'), ...ISSUER],
  'dead-letters': [...configMaps('create'), ...ISSUER],
  events: pods('get', 'list', 'watch'),
  replay: configMaps('get', 'list', 'delete'),
};

/** Admission's needs if Vault is used as the pods' own service accounts. */
export const PROJECTED: Right = {
  verb: 'create',
  group: '',
  resource: 'serviceaccounts',
  subresource: 'token',
};

/** The renewal job's needs if it is configured to evict. */
export const EVICTION: Right = { verb: 'create', group: '', resource: 'pods', subresource: 'eviction' };
