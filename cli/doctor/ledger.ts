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
        `there is no mount ${path}, or the renewal job may not see it`,
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

// The youngest records show what is written now; a record's metadata may override the engine's settings.
const LOOKED_AT = 20;

export const ledgerSettings = (facts: Facts): Check => ({
  name: "the ledger's settings",
  needs: ['the ledger'],
  async look() {
    const { ledgerMount: mount, ledgerPrefix } = (await facts.config()).vault;
    const { inspection, ledger } = await facts.vault();
    const settings = await inspection.kvSettings(mount, facts.work(), facts.operatorToken);
    if (settings && !/^0?s?$/.test(settings.deleteVersionAfter))
      return failed(
        `${mount} deletes what is written to it after ${settings.deleteVersionAfter} (delete_version_after): records of live pods disappear`,
        `vault write ${mount}/config delete_version_after=0s; ${WRITTEN_BEFORE}`,
      );
    if (settings?.casRequired)
      return failed(
        `${mount} accepts only writes that name a version (cas_required), which the injector does not do: pods are denied`,
        `vault write ${mount}/config cas_required=false`,
      );
    const { grants } = await ledger.list(facts.work());
    const uuids = grants.toSorted().slice(-LOOKED_AT);
    const times = await Promise.all(
      uuids.map((uuid) => inspection.kvDeletionTime(mount, `${ledgerPrefix}/${uuid}`, facts.work())),
    );
    const ending = uuids.filter((_, index) => times[index]);
    const [first] = ending;
    if (first !== undefined)
      return failed(
        `${ending.length} of the ${uuids.length} youngest records will be deleted by Vault itself, that of ${first} at ${times[uuids.indexOf(first)]} (delete_version_after)`,
        `vault write ${mount}/config delete_version_after=0s, and vault kv metadata put -mount=${mount} -delete-version-after=0s ${ledgerPrefix}/${first}; ${WRITTEN_BEFORE}`,
      );
    if (settings) return ok('neither delete_version_after nor cas_required');
    return ok(
      `no delete_version_after in the ${uuids.length} youngest records; only a VAULT_TOKEN that may read ${mount}/config sees cas_required`,
    );
  },
});

const WRITTEN_BEFORE =
  'existing records are deleted all the same: restart the pods to write new ones (kubectl rollout restart)';
