/** The ledger's place in Vault, and whether it can be read. */

import { VaultError } from '../../shared/vault/failure.ts';
import { type Check, failed, ok } from './check.ts';
import { EDIT_CONFIGURATION } from './configuration.ts';
import type { Facts } from './facts.ts';
import { setUpCommand } from './set-up-command.ts';

export const ledgerMount = (facts: Facts): Check => ({
  name: "the ledger's mount",
  needs: ['login of renewal'],
  async look() {
    const { ledgerMount: path } = (await facts.config()).vault;
    const { inspection } = await facts.vault();
    const mount = await inspection.mount(path, facts.work());
    if (!mount)
      return failed(
        `there is no mount ${path}, or the renewal job may see nothing of it`,
        `vault secrets enable -path=${path} -version=2 kv, or correct vaultSecretName: ${EDIT_CONFIGURATION}`,
      );
    if (mount.type !== 'kv')
      return failed(
        `${path} is of type ${mount.type}, not kv`,
        `correct vaultSecretName: ${EDIT_CONFIGURATION}`,
      );
    if (mount.version !== '2')
      return failed(
        `${path} is KV version ${mount.version || '1'}, not 2`,
        `vault kv enable-versioning ${path}`,
      );
    return ok(`${path}: KV version 2`);
  },
});

export const ledgerReadable = (facts: Facts): Check => ({
  name: 'the ledger',
  needs: ["the ledger's mount"],
  async look() {
    const { ledgerMount: mount, ledgerPrefix } = (await facts.config()).vault;
    const place = `${mount}/${ledgerPrefix}`;
    try {
      const { grants } = await (await facts.vault()).ledger.list(facts.work());
      return ok(`${place}: ${grants.length} ${grants.length === 1 ? 'record' : 'records'}`);
    } catch (error) {
      if (error instanceof VaultError) return failed(`${place}: ${error.message}`, await setUpCommand(facts));
      throw error;
    }
  },
});
