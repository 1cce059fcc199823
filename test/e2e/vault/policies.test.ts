/** Least privilege in Vault: with its policy, and nothing else, each process does all that it has to. */
import { beforeAll, test } from 'vitest';
import { addRoles, jobs, roles } from '../support/policy-jobs.ts';
import { openStrictFleet } from '../support/process-policies.ts';

beforeAll(addRoles);

test.each(['admission', 'renewal', 'revocation', 'approle'] as const)(
  '%s does its whole job',
  async (name) => {
    await jobs[name](await openStrictFleet({ applicationPolicies: roles }));
  },
);
