/** Vault itself, the processes' logins, and what their policies allow. */
import { InjectorError } from '../../shared/errors.ts';
import { KubernetesError } from '../../shared/kubernetes/api.ts';
import { VaultError } from '../../shared/vault/failure.ts';
import type { ProcessName } from '../processes.ts';
import { type Check, failed, ok, unknown, type Verdict } from './check.ts';
import { EDIT_CONFIGURATION } from './configuration.ts';
import type { Facts } from './facts.ts';
import { isPart, NO_PART } from './parts-of.ts';
import { setUpCommand } from './set-up-command.ts';
import { examplePath, lacking, vaultNeeds } from './vault-needs.ts';

/** Resolves only inside a cluster: Service, namespace, port. */
const IN_CLUSTER = /^https?:\/\/(?:[^/:]+\.)?([^/:.]+)\.([^/:.]+)\.svc(?:\.[^/:]+)?(?::(\d+))?(?:\/|$)/;

export const vault = (facts: Facts): Check => ({
  name: 'Vault',
  needs: ['configuration'],
  async look() {
    const { address } = (await facts.config()).vault;
    try {
      const { inspection } = await facts.vault();
      const { initialized, sealed, standby, version } = await inspection.health(facts.work());
      const operator = `VAULT_ADDR=${address} vault operator`;
      if (!initialized) return failed(`${address}: not initialised`, `${operator} init`);
      if (sealed) return failed(`${address}: sealed`, `${operator} unseal`);
      const role = standby ? 'a standby, which forwards requests' : 'active';
      return ok(`${address}: unsealed, ${role}, version ${version}`);
    } catch (error) {
      if (error instanceof InjectorError) return withoutAnswer(address, error);
      throw error;
    }
  },
});

function withoutAnswer(address: string, error: InjectorError): Verdict {
  const said = `${address}: ${error.message}`;
  if (error.code === 'vault_tls') {
    const ca =
      'kubectl --namespace vault-injector get configmap vault-ca --output=jsonpath="{.data.ca\\.crt}" > vault-ca.crt';
    return error.message.includes('cannot be read')
      ? unknown(`${said} on this machine`, `${ca}, then --vault-ca vault-ca.crt`)
      : failed(said, 'npx vault-db-injector install --vault-ca FILE');
  }
  const [, service, namespace, port] = IN_CLUSTER.exec(address) ?? [];
  if (service !== undefined) {
    const scheme = address.startsWith('https:') ? 'https' : 'http';
    const of = port ?? (scheme === 'https' ? '443' : '80');
    return unknown(
      `${said}; the name is internal to the cluster, so it may just be unreachable from here`,
      `kubectl --namespace ${namespace} port-forward service/${service} 8200:${of}, then --vault-address ${scheme}://127.0.0.1:8200`,
    );
  }
  return failed(said, `start it, or correct vaultAddress: ${EDIT_CONFIGURATION}`);
}

export const login = (facts: Facts, process: ProcessName): Check => ({
  name: `login of ${process}`,
  needs: ['configuration', 'Vault'],
  async look() {
    if (!(await isPart(process, facts))) return ok(NO_PART);
    const { authPath, kubeRole } = (await facts.config(process)).vault;
    try {
      const { session } = await facts.vault(process);
      await session.ready(facts.deadline());
      return ok(`as auth role ${kubeRole} at auth/${authPath}`);
    } catch (error) {
      if (!(error instanceof InjectorError)) throw error;
      // The caller, not Vault, is at fault if it cannot get a token of that service account.
      if (error instanceof KubernetesError) throw error;
      return failed(error.message, await setUpCommand(facts));
    }
  },
});

export const rightsInVault = (facts: Facts, process: ProcessName): Check => ({
  name: `rights of ${process} in Vault`,
  needs: [`login of ${process}`],
  async look() {
    if (!(await isPart(process, facts))) return ok(NO_PART);
    const { vault: places, ...config } = await facts.config(process);
    const needed = vaultNeeds(process, { ...places, ...config });
    const { inspection } = await facts.vault(process);
    const paths = needed.map(examplePath);
    try {
      const missing = lacking(needed, await inspection.capabilities(paths, facts.work()));
      if (missing.length > 0) return failed(`missing: ${missing.join('; ')}`, await setUpCommand(facts));
      return ok(`all on ${paths.length} paths`);
    } catch (error) {
      if (error instanceof VaultError && error.status === 403)
        return unknown(
          'could not be checked: its policy does not allow sys/capabilities-self',
          await setUpCommand(facts),
        );
      throw error;
    }
  },
});
