import { Option, type OptionValues } from '@commander-js/extra-typings';
import { command, matching, runs, seconds, text, withCluster } from '../command.ts';
import { Misuse } from '../refusal.ts';

const described = (name: string, description: string) =>
  withCluster(
    command(name, description)
      .option('--vault-address <url>', 'address of Vault or OpenBao, as seen from the cluster', text)
      .option('--vault-auth-path <path>', 'mount of the Kubernetes auth method', text)
      .option('--prefix <name>', "this cluster's folder in the ledger", text)
      .option('--config <file>', 'further configuration (docs/configuration.md)', text)
      .option('--vault-ca <file>', 'CA certificate (PEM) of Vault, if it is a private one', text)
      .option(
        '--image <image>',
        'image of the functions and jobs, with tag or digest',
        matching(/^[\w./:@-]+$/, 'an image'),
      )
      .addOption(
        new Option('--ingress <kind>', 'ingress to the function (kourier, unless one is installed)').choices([
          'kourier',
          'istio',
          'none',
        ]),
      )
      .option(
        '--webhook-url <url>',
        'with --ingress none: URL of the function for the API server',
        matching(/^https:\/\/[^/?#@]+\/?$/, 'https:// and a host'),
      )
      .option('--webhook-ca <file>', 'with --ingress none: CA certificate (PEM) of that URL', text)
      .option(
        '--self-test-role <name>',
        "Vault role that the self-test's pod requests",
        text,
        'vault-db-injector-self-test',
      )
      .option('--self-test-namespace <name>', "namespace of the self-test's pod", text, 'default')
      .option('--self-test-service-account <name>', 'its service account', text, 'default')
      .option('--timeout <seconds>', 'time to wait until everything is ready', seconds, 300)
      .option('--force-conflicts', 'take over fields of other owners')
      .option('--dry-run', 'check, and print what would be done')
      .option('--yes', 'confirm that the Broker may be recreated'),
  )
    .hook('preAction', (self) => refuseContradictions(self.opts()))
    .addHelpText('after', AFTER);

const AFTER = `
An existing installation keeps its settings: give only what should change.
Needs kubectl (or the program that KUBECTL names), and docs/install.md first.`;

/** @throws Misuse: a wrong combination is wrong usage, like a wrong option. */
function refuseContradictions({ ingress, webhookUrl, webhookCa }: OptionValues): void {
  if (ingress === 'none' && !webhookUrl) throw new Misuse('--ingress none: needs --webhook-url');
  if (ingress !== 'none' && webhookUrl) throw new Misuse('--webhook-url: requires --ingress none');
  if (ingress !== 'none' && webhookCa) throw new Misuse('--webhook-ca: requires --ingress none');
}

export const installCommand = described(
  'install',
  'install into the cluster, or change the installation',
).action(runs(async (caller, options) => (await import('./install.ts')).install(options, caller)));

export const upgradeCommand = described('upgrade', 'upgrade an existing installation').action(
  runs(async (caller, options) => (await import('./install.ts')).upgrade(options, caller)),
);

export type InstallOptions = ReturnType<typeof installCommand.opts>;
