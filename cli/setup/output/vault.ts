/** Steps in Vault, in the words of its command line client and of its Terraform provider. */
import { shellWord, terraformString } from '../quoting.ts';
import { pathOf, type VaultStep } from '../steps.ts';

/** `vault write …`; a password comes from the variable `password`, through the standard input. */
export function vaultWrite(step: VaultStep): string {
  const body = JSON.stringify(step.body, null, 2);
  const command = `"$VAULT" write ${shellWord(pathOf(step))} -`;
  if (step.withPassword)
    return `jq --arg password "$password" '. + {$password}' <<'JSON' | ${command}\n${body}\nJSON`;
  return `${command} <<'JSON'\n${body}\nJSON`;
}

/** An attribute's value: a string, or a list of them with a line each. */
export function terraformValue(value: string | readonly string[]): string {
  if (typeof value === 'string') return value.includes('\n') ? heredoc(value) : terraformString(value);
  if (value.length < 2 && !value.some((one) => one.includes('\n')))
    return `[${value.map(terraformString).join(', ')}]`;
  return `[\n${value.map((one) => `    ${one.includes('\n') ? heredoc(one) : terraformString(one)},`).join('\n')}\n  ]`;
}

const heredoc = (text: string): string =>
  // A list's comma stands on a line of its own after a heredoc: the function keeps it in one expression.
  `trimspace(<<-EOT\n${text
    .replaceAll('${', '$${')
    .replaceAll('%{', '%%{')
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n')}\n    EOT\n    )`;
