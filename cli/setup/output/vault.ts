/** Steps in Vault, in the words of its command line client and of its Terraform provider. */
import { shellWord, terraformString, withoutTemplates } from '../quoting.ts';
import { pathOf, type VaultStep } from '../steps.ts';

/** `vault write …`; a password comes from the variable `password`, through the standard input. */
export function vaultWrite(step: VaultStep): string {
  const body = JSON.stringify(step.body, null, 2);
  const command = `"$VAULT" write ${shellWord(pathOf(step))} -`;
  if (step.withPassword)
    return `jq --arg password "$password" '. + {$password}' <<'JSON' | ${command}\n${body}\nJSON`;
  return `${command} <<'JSON'\n${body}\nJSON`;
}

/** An attribute's value, as `terraform fmt` has it: a string, or a list of them with a line each. */
export function terraformValue(value: string | readonly string[]): string {
  if (typeof value === 'string') return terraformText(value, '  ');
  const [only = ''] = value;
  if (value.length === 1 && !only.includes('\n')) return `[${terraformString(only)}]`;
  return `[\n${value.map((one) => `    ${terraformText(one, '    ')},`).join('\n')}\n  ]`;
}

function terraformText(text: string, indent: string): string {
  if (!text.includes('\n')) return terraformString(text);
  const lines = withoutTemplates(text).split('\n');
  // Without the new line at its end, so that it is what Vault is told otherwise, too.
  return `trimspace(<<-EOT\n${lines.map((line) => `${indent}  ${line}`).join('\n')}\n${indent}EOT\n${indent})`;
}
