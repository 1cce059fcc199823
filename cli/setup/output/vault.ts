/** Steps in Vault, as commands of its CLI and as resources of its Terraform provider. */
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

/** An attribute's value, as formatted by `terraform fmt`: a string, or a list with one line per element. */
export function terraformValue(value: string | readonly string[]): string {
  if (typeof value === 'string') return terraformText(value, '  ');
  const [only = ''] = value;
  if (value.length === 1 && !only.includes('\n')) return `[${terraformString(only)}]`;
  return `[\n${value.map((one) => `    ${terraformText(one, '    ')},`).join('\n')}\n  ]`;
}

function terraformText(text: string, indent: string): string {
  if (!text.includes('\n')) return terraformString(text);
  const lines = withoutTemplates(text).split('\n');
  // Drops the trailing newline, so that Vault gets the same value as otherwise.
  return `trimspace(<<-EOT\n${lines.map((line) => `${indent}  ${line}`).join('\n')}\n${indent}EOT\n${indent})`;
}
