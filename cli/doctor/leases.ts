/**
 * Whether leases of every engine may be renewed: policies name engines one by one, which the capabilities do not
 * show.
 */

import { VaultError } from '../../shared/vault/failure.ts';
import { GrantLost } from '../../shared/vault/renewals.ts';
import { type Check, failed, ok } from './check.ts';
import { mountsInUse } from './databases.ts';
import type { Facts } from './facts.ts';
import { setUpCommand } from './set-up-command.ts';

// A lease that does not exist: Vault says so to anyone who may renew it.
const NO_LEASE = 'creds/doctor/none';

export const leases = (facts: Facts): Check => ({
  name: 'leases of all engines',
  needs: ['login of renewal'],
  async look() {
    const mounts = await mountsInUse(facts);
    const allowed = await Promise.all(mounts.map((mount) => mayRenew(mount, facts)));
    const denied = mounts.filter((_, index) => !allowed[index]);
    if (denied.length > 0)
      return failed(
        `those of ${denied.join(', ')} may not be renewed: the renewal job's policy does not name the engine`,
        await setUpCommand(facts),
      );
    const grants = await facts.grants();
    const basis = grants.length === 0 ? ', the default engine: no pod has a lease yet' : '';
    return ok(`the renewal job's policy allows renewing those of ${mounts.join(', ')}${basis}`);
  },
});

async function mayRenew(mount: string, facts: Facts): Promise<boolean> {
  const { renewals } = await facts.vault();
  try {
    await renewals.renewLease(`${mount}/${NO_LEASE}`, facts.work());
  } catch (error) {
    if (error instanceof VaultError && error.status === 403) return false;
    if (!(error instanceof GrantLost)) throw error;
  }
  return true;
}
