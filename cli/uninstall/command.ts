import { Option } from '@commander-js/extra-typings';
import { command, runs, seconds, withCluster } from '../command.ts';

export const uninstallCommand = withCluster(
  command('uninstall', 'remove the installation from the cluster')
    .addOption(
      new Option('--credentials <fate>', "keep or revoke live pods' credentials")
        .choices(['keep', 'revoke'])
        .default('keep'),
    )
    .option('--timeout <seconds>', 'time to wait until everything is removed', seconds, 300)
    .option('--settle <seconds>', 'time until API servers have dropped the webhook', seconds, 30)
    .option('--dry-run', 'print what would be done')
    .option('--yes', 'confirm --credentials revoke'),
)
  .addHelpText(
    'after',
    `
Kept credentials are still renewed, and revoked when their pods are deleted: run
it again when the last one is gone, to remove the rest. See docs/install.md.`,
  )
  .action(runs(async (caller, options) => (await import('./uninstall.ts')).uninstall(options, caller)));

export type UninstallOptions = ReturnType<typeof uninstallCommand.opts>;
