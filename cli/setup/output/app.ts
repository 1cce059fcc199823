/** `setup app --output`. */
import type { AppSettings } from '../app-options.ts';
import { authRoleBody, policyText } from '../app-plan.ts';
import { shellWord, terraformString } from '../quoting.ts';
import { terraformValue, vaultWrite } from './vault.ts';

export function writeApp(output: 'terraform' | 'sh', settings: AppSettings): string {
  return output === 'sh' ? asShell(settings) : asTerraform(settings);
}

function asShell(settings: AppSettings): string {
  const { name, authPath } = settings;
  const role = {
    kind: 'vault',
    title: '',
    path: ['auth', authPath, 'role', { name }],
    body: authRoleBody(settings),
  } as const;
  return `#!/bin/sh
# Which pods may have credentials of database role ${settings.role}. Uses VAULT_TOKEN; can be run again.
set -eu
VAULT=\${VAULT_CLI:-vault}

"$VAULT" policy write ${shellWord(name)} - <<'HCL'
${policyText(settings)}HCL

${vaultWrite(role)}`;
}

function asTerraform(settings: AppSettings): string {
  const { name, authPath, namespace, serviceAccount } = settings;
  return `# Which pods may have credentials of database role ${settings.role}.
terraform {
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 3.0"
    }
  }
}

resource "vault_policy" "application" {
  name = ${terraformString(name)}

  policy = ${terraformValue(policyText(settings).trimEnd())}
}

resource "vault_kubernetes_auth_backend_role" "application" {
  backend                          = ${terraformString(authPath)}
  role_name                        = ${terraformString(name)}
  bound_service_account_names      = ${terraformValue([serviceAccount])}
  bound_service_account_namespaces = ${terraformValue([namespace])}
  token_policies                   = [vault_policy.application.name]
}`;
}
