import { Option } from '@commander-js/extra-typings';
import { command, runs, text, texts, withInstallation, YES } from '../command.ts';

export const revokeCommand = withInstallation(
  command('revoke', 'revoke the credentials of pods, of a role, or single grants')
    .argument('[what...]', 'pods (NAME or pod/NAME) and uuids of grants', texts)
    .option(
      '-n, --namespace <name>',
      "namespace of the pods (default: that of the kubeconfig's context)",
      text,
    )
    .addOption(
      new Option('-A, --all-namespaces', 'pods of all namespaces, with --role or --selector').conflicts(
        'namespace',
      ),
    )
    .option('-l, --selector <labels>', 'the grants of live pods with these labels', text)
    .option('--role <name>', 'only the grants of this database role', text)
    .option(...YES),
)
  .addHelpText(
    'after',
    `
Revokes token and lease in Vault, drops the database user and deletes the
record. A live pod loses its databases within moments: it gets new credentials
only when it is recreated.
Exit code: 0 if all is revoked; 1 if something is not, or nothing was found.
Runs as the renewal job: you need \`create\` on \`serviceaccounts/token\`.`,
  )
  .action(runs(async (caller, what, options) => (await import('./run.ts')).revoke(what, options, caller)));

export type RevokeOptions = ReturnType<typeof revokeCommand.opts>;
