/** The policies of knative/vault, filled in as Terraform's `templatefile` does it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../paths.ts';
import { appRolePath, authPath, databaseMount, secretName, secretPrefix } from './names.ts';

export type ProcessPolicy = 'admission' | 'renewal' | 'revocation' | 'approle';

export type PolicyOptions = {
  authPath?: string;
  ledgerPrefix?: string;
  /** Which policies the admission function may give to pods; any, where none are named. */
  applicationPolicies?: readonly string[];
  /** One more database engine. */
  engine?: string | undefined;
};

/** @throws where the template has a variable that nobody fills in. */
export const fillIn = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nothing is known of \${${name}}`);
    return value;
  });

/** The policy as written to Vault, for the stack's mounts. */
export const processPolicy = async (
  name: ProcessPolicy | 'admission-projected',
  options: PolicyOptions = {},
): Promise<string> => {
  const { ledgerPrefix = secretPrefix, applicationPolicies = [] } = options;
  const template = await readFile(join(projectRoot, 'knative/vault', `${name}.hcl`), 'utf8');
  return fillIn(template, {
    auth_path: options.authPath ?? authPath,
    ledger_mount: secretName,
    ledger_prefix: ledgerPrefix,
    application_policies: JSON.stringify(applicationPolicies.map((policy) => [policy])),
    approle_path: appRolePath,
    // The second one is what `setup database` makes where nobody names another.
    leases: JSON.stringify(
      [databaseMount, 'databases', ...(options.engine ? [options.engine] : [])].map(
        (mount) => `${mount}/creds/*`,
      ),
    ),
  });
};
