import { expect, test } from 'vitest';
import { setUpCommandFor } from '../../../../cli/doctor/set-up-command.ts';
import { factsOf } from './facts.ts';

const config = await factsOf({}).config();
const role = {
  policies: ['default', 'east-admission'],
  boundCidrs: ['10.0.0.0/8', '::1/128'],
  audience: 'bao',
};

test('all that is known is in it, and the rest is named', () => {
  const projectedServiceAccount = { audience: 'vault', expirationSeconds: 600 };
  const known = { config: { ...config, projectedServiceAccount }, mounts: ['databases', 'other/db'], role };
  expect(setUpCommandFor({ ...known, audience: 'vault' })).toBe(
    "LEDGER_PREFIX=cluster LEDGER_MOUNT=vault-injector AUTH_PATH=kubernetes DATABASE_MOUNTS='databases other/db' AUDIENCE=bao POLICY_PREFIX=east TOKEN_BOUND_CIDRS='10.0.0.0/8,::1/128' USE_PROJECTED_SA=true knative/vault/set-up.sh # rewrites everything: add all other variables of the first run, or their settings are lost: APPLICATION_POLICIES, APPROLE_PATH, and DATABASE_MOUNTS that no pod uses now",
  );
});

test('what could not be read is among the rest', () => {
  const command = setUpCommandFor({ config, mounts: ['databases'], role: undefined, audience: 'vault' });
  expect(command).not.toContain('USE_PROJECTED_SA');
  expect(command).toMatch(
    /AUDIENCE=vault knative\/vault\/set-up\.sh #.*: APPLICATION_POLICIES, TOKEN_BOUND_CIDRS, POLICY_PREFIX, APPROLE_PATH, and/,
  );
});
