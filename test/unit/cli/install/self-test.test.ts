import { expect, test } from 'vitest';
import { mustHaveTokens } from '../../../../cli/install/self-test.ts';
import type { Kubectl } from '../../../../cli/kubectl.ts';

function answering(allowed: boolean): Kubectl {
  const unexpected = async () => {
    throw new Error('nobody expected this to be asked');
  };
  return {
    run: unexpected,
    text: unexpected,
    async json(args, input = '') {
      expect(args).toEqual(['create', '--filename=-']);
      expect(JSON.parse(input)).toEqual({
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user: 'system:serviceaccount:vault-injector:vault-db-injector-admission',
          resourceAttributes: {
            verb: 'create',
            group: '',
            resource: 'serviceaccounts',
            subresource: 'token',
            namespace: 'team',
          },
        },
      });
      return { status: { allowed } };
    },
  };
}

test("the function may have tokens of pods' service accounts", async () => {
  await mustHaveTokens(answering(true), { namespace: 'team' });
});

test('it may not', async () => {
  await expect(mustHaveTokens(answering(false), { namespace: 'team' })).rejects.toThrow(
    /may not create serviceaccounts\/token in team: look at the ClusterRoleBinding/,
  );
});
