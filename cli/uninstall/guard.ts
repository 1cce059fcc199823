/**
 * Policy for the time when credentials are kept but no webhook admits pods: a uuid that a new pod brings along is no
 * longer overwritten, so it is refused. It would keep another pod's credentials alive.
 */
const metadata = {
  name: 'vault-db-injector-no-admission',
  labels: { 'app.kubernetes.io/part-of': 'vault-db-injector' },
};
const policy = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata,
  spec: {
    failurePolicy: 'Fail',
    matchConstraints: {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    },
    validations: [
      {
        expression: "!object.metadata.?annotations[?'db-creds-injector.numberly.io/uuid'].hasValue()",
        message:
          'the annotation db-creds-injector.numberly.io/uuid is only for vault-db-injector, which is being removed from this cluster: remove the annotation',
      },
    ],
  },
};
const binding = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata,
  spec: { policyName: metadata.name, validationActions: ['Deny'] },
};

/** Manifests for `kubectl apply -f -`. */
export const guard = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [policy, binding] });
