import { Option } from '@commander-js/extra-typings';
import { command, jsonOption, outputOption, runs, text, withInstallation } from '../command.ts';

export const listCommand = withInstallation(
  command('list', 'list grants by pod')
    .option('-n, --namespace <name>', 'grants of this namespace', text)
    .addOption(
      new Option('-A, --all-namespaces', 'grants of all namespaces (default)').conflicts('namespace'),
    )
    .option('-l, --selector <labels>', 'grants of live pods with these labels', text)
    .addOption(
      outputOption(
        ['wide', 'name', 'json', 'yaml'],
        'wide: all columns; name: uuids; json and yaml: all fields, times in milliseconds since 1970',
      ),
    )
    .addOption(jsonOption()),
)
  .addHelpText(
    'after',
    `
  ok        renewed in time
  overdue   should have been renewed: look at the renewal job
  orphaned  no live pod names it: the next sweep revokes it
  unknown   a pod names it but it is not in the ledger, or no sweep has seen it

In a pipe it prints one line per grant, with columns separated by tabs and no
header. Runs as the renewal job: you need \`create\` on
\`serviceaccounts/token\`.`,
  )
  .action(runs(async (caller, options) => (await import('./run.ts')).list(options, caller)));

export type ListOptions = ReturnType<typeof listCommand.opts>;
