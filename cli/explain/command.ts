import { command, jsonOption, outputOption, runs, text, texts, withInstallation } from '../command.ts';

export const explainCommand = withInstallation(
  command('explain', 'show what would happen to the pods in manifests')
    .argument('[file...]', 'manifests: files, folders, or - for standard input')
    .option('-f, --filename <file>', 'the same, as with kubectl; may be repeated', texts)
    .option('-R, --recursive', 'read the folders in folders, too')
    .option(
      '-n, --namespace <name>',
      "namespace of pods that name none (default: that of the kubeconfig's context)",
      text,
    )
    .option('--offline', 'ask neither cluster nor Vault')
    .addOption(outputOption(['json', 'yaml'], 'output for programs'))
    .addOption(jsonOption()),
)
  .addHelpText(
    'after',
    `
A manifest may contain several documents: pods, or workloads (Deployment,
StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Knative Service).

Nothing is changed. Exit code: 0 if no pod would be denied; 1 if one would, or
if Vault could not be asked (without --offline); 2 if the command line is
invalid. Asks Vault as the admission function: you need \`create\` on
\`serviceaccounts/token\`.`,
  )
  .action(
    runs(async (caller, files, options) => (await import('./run.ts')).explainFiles(files, options, caller)),
  );

export type ExplainOptions = ReturnType<typeof explainCommand.opts>;
