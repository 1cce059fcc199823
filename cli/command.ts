/** A command of the tree, with what all commands have in common. */
import { Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings';
import type { Terminal } from './terminal.ts';

/** A run of the program. */
export interface Caller {
  readonly environment: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
}

const HELP_WIDTH = 80;

/** @param description a sentence without a subject, shown in the parent's help, too. */
export function command(name: string, description: string) {
  return new Command(name)
    .description(description)
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ helpWidth: HELP_WIDTH })
    .configureOutput({ getOutHelpWidth: () => HELP_WIDTH, getErrHelpWidth: () => HELP_WIDTH })
    .showHelpAfterError('(add --help to see what is possible)')
    .exitOverride();
}

/**
 * A command's action.
 *
 * @param work returns the exit code. It imports what it needs, so that the program starts without it.
 */
export function runs<A extends readonly unknown[]>(
  work: (caller: Caller, ...given: A) => Promise<number>,
): (...given: A) => Promise<void> {
  return async (...given) => {
    const { createTerminal } = await import('./terminal.ts');
    const terminal = createTerminal(process);
    try {
      // Sets the exit code instead of calling process.exit, which would cut off output to a pipe.
      process.exitCode = await work({ environment: process.env, terminal }, ...given);
    } finally {
      terminal.progress('');
    }
  };
}

/** An option's value that may not be empty, as an unset shell variable would leave it. */
export function text(value: string): string {
  if (value === '') throw new InvalidArgumentError('Expected a value that is not empty.');
  return value;
}

export function texts(value: string, before: string[] = []): string[] {
  return [...before, text(value)];
}

/** @param expected a phrase that completes "Expected …". */
export function matching(pattern: RegExp, expected: string): (value: string) => string {
  return (value) => {
    if (!pattern.test(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };
}

export function seconds(value: string): number {
  return Number(matching(/^\d{1,5}$/, 'a number of seconds')(value));
}

export interface ClusterOptions {
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
}

export function withCluster<A extends unknown[], O extends OptionValues>(described: Command<A, O>) {
  return described
    .option('--context <name>', 'context of the kubeconfig', text)
    .option('--kubeconfig <file>', 'kubeconfig to use (default: KUBECONFIG, or ~/.kube/config)', text);
}

export interface VaultOptions {
  readonly vaultAddress?: string | undefined;
  readonly vaultCa?: string | undefined;
}

/** @param otherwise where the settings come from if neither option nor variable is given. */
export function withVault<A extends unknown[], O extends OptionValues>(
  described: Command<A, O>,
  otherwise: string,
) {
  return described
    .option(
      '--vault-address <url>',
      `address of Vault as seen from here (default: VAULT_ADDR${otherwise})`,
      text,
    )
    .option('--vault-ca <file>', `CA certificate (PEM) of Vault (default: VAULT_CACERT${otherwise})`, text);
}

/** Options of a command that uses an installation: its cluster, its configuration and its Vault. */
export interface InstallationOptions extends ClusterOptions, VaultOptions {
  readonly config?: string | undefined;
}

export function withInstallation<A extends unknown[], O extends OptionValues>(described: Command<A, O>) {
  const own = described.option(
    '--config <file>',
    'configuration file (default: CONFIG_FILE, or the ConfigMap "configuration" in vault-injector)',
    text,
  );
  return withCluster(withVault(own, ', or the configuration'));
}

export const outputOption = <const F extends readonly string[]>(formats: F, description: string) =>
  new Option('-o, --output <format>', description).choices(formats);

export const jsonOption = () => new Option('--json', 'the same as --output json').implies({ output: 'json' });

export const YES = ['--yes', 'do not ask for confirmation; required without a terminal'] as const;
