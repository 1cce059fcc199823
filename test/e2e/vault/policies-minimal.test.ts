/** Least privilege in Vault: each path of a policy, each capability and each parameter that it allows is needed. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type ProcessPolicy, processPolicy } from '../../stack/vault/policies.ts';
import { addRoles, jobKeys, jobs, roles } from '../support/policy-jobs.ts';
import { openStrictFleet } from '../support/process-policies.ts';

beforeAll(addRoles);

interface Lesser {
  readonly without: string;
  readonly policy: (policy: string) => string;
}

const comments = /^ *#.*\n/gm;

/** Removes one of the paths, one of their capabilities or one of the allowed parameters. */
function lesser(policy: string): Lesser[] {
  const blocks = policy.replaceAll(comments, '').match(/^path [\s\S]*?^\}/gm) ?? [];
  return blocks.flatMap((block) => {
    const [, path = ''] = /^path "(.*)"/.exec(block) ?? [];
    const [line = '', list = ''] = /capabilities = \[(.*)\]/.exec(block) ?? [];
    const capabilities = list.split(', ');
    // What a path denies is no right.
    const [allowed = ''] = /allowed_parameters = \{[\s\S]*?\n {2}\}/.exec(block) ?? [];
    const parameters = allowed.match(/^ {4}".*$/gm) ?? [];
    const changed = (without: string, other: string): Lesser => ({
      without: `${path}: ${without}`,
      policy: (whole) => whole.replaceAll(comments, '').replace(block, other),
    });
    return [
      changed('all', ''),
      ...(capabilities.length < 2 ? [] : capabilities).map((one) => {
        const left = capabilities.filter((capability) => capability !== one).join(', ');
        return changed(one, block.replace(line, `capabilities = [${left}]`));
      }),
      // A path without its only parameter allows any.
      ...(parameters.length < 2 ? [] : parameters).map((parameter) =>
        changed(parameter.trim(), block.replace(`${parameter}\n`, '')),
      ),
    ];
  });
}

describe.each(['admission', 'renewal', 'revocation', 'approle'] as const)(
  '%s cannot do its job without',
  async (name) => {
    const options = { ledgerPrefix: 'PREFIX', applicationPolicies: roles };
    test.each(lesser(await processPolicy(name, options)))('$without', async ({ policy }) => {
      const change = (of: ProcessPolicy, text: string) => {
        // One that has nothing to do with the ledger names no folder in it.
        const [prefix = 'PREFIX'] = /strict-[0-9a-f]{8}/.exec(text) ?? [];
        return of === name ? policy(text.replaceAll(prefix, 'PREFIX')).replaceAll('PREFIX', prefix) : text;
      };
      const strict = await openStrictFleet({ keys: jobKeys, applicationPolicies: roles, change });
      await expect(jobs[name](strict)).rejects.toThrow();
    });
  },
);
