/** Options of `npm run install:cluster`. */
import * as v from 'valibot';
import { flagOption, readArguments, secondsOption, textOption } from '../options.ts';
import { Refusal } from '../refusal.ts';

export const USAGE = `npm run install:cluster -- [options]

  --vault-address URL       address of Vault or OpenBao, as seen from the cluster
  --vault-auth-path PATH    mount of the Kubernetes auth method
  --prefix NAME             this cluster's folder in the ledger
  --config FILE             further configuration (docs/configuration.md)
  --vault-ca FILE           CA certificate (PEM) of Vault, if it is a private one
  --image IMAGE             image of the functions and jobs, with tag or digest
  --ingress kourier|istio|none
                            ingress to the function (default: kourier)
  --webhook-url URL         with --ingress none: URL of the function for the API server
  --webhook-ca FILE         with --ingress none: CA certificate (PEM) of that URL
  --self-test-role ROLE     Vault role that the self-test's pod requests
  --self-test-namespace NS  namespace of the self-test's pod (default: default)
  --self-test-service-account NAME
                            its service account (default: default)
  --context NAME            context of the kubeconfig
  --timeout SECONDS         time to wait until everything is ready (default: 300)
  --settle SECONDS          with --uninstall: wait until API servers have dropped the webhook (default: 30)
  --force-conflicts         take over fields of other owners
  --dry-run                 check, and print what would be done
  --uninstall               uninstall: see docs/install.md
  --credentials keep|revoke with --uninstall: keep or revoke live pods' credentials (default: keep)
  --yes                     confirm --credentials revoke, or that the Broker may be
                            recreated

An existing installation keeps its settings: give only what should change.`;

const ENTRIES = {
  'vault-address': textOption,
  'vault-auth-path': textOption,
  prefix: textOption,
  config: textOption,
  'vault-ca': textOption,
  image: v.optional(v.pipe(v.string(), v.regex(/^[\w./:@-]+$/, 'expected an image'))),
  ingress: v.optional(v.picklist(['kourier', 'istio', 'none'], 'expected kourier, istio or none')),
  'webhook-url': v.optional(
    v.pipe(v.string(), v.regex(/^https:\/\/[^/?#@]+\/?$/, 'expected https:// and a host')),
  ),
  'webhook-ca': textOption,
  'self-test-role': v.optional(v.string(), 'vault-db-injector-self-test'),
  'self-test-namespace': v.optional(v.string(), 'default'),
  'self-test-service-account': v.optional(v.string(), 'default'),
  context: textOption,
  timeout: secondsOption('300'),
  settle: secondsOption('30'),
  'force-conflicts': flagOption,
  'dry-run': flagOption,
  uninstall: flagOption,
  credentials: v.optional(v.picklist(['keep', 'revoke'], 'expected keep or revoke')),
  yes: flagOption,
  help: flagOption,
};
export type InstallOptions = Readonly<v.InferOutput<v.ObjectSchema<typeof ENTRIES, undefined>>>;

/** @throws Refusal that lists everything that is wrong. */
export function readOptions(args: readonly string[]): InstallOptions {
  const options = readArguments('npm run install:cluster', ENTRIES, args);
  const faults = contradictions(options);
  if (faults.length > 0) throw new Refusal(faults.join('\n'));
  return options;
}

function contradictions(options: InstallOptions): string[] {
  const faults: string[] = [];
  const { ingress, uninstall, credentials, yes } = options;
  if (ingress === 'none' && !options['webhook-url']) faults.push('--ingress none: needs --webhook-url');
  for (const name of ['webhook-url', 'webhook-ca'] as const) {
    if (options[name] && ingress !== 'none') faults.push(`--${name}: requires --ingress none`);
  }
  if (credentials && !uninstall) faults.push('--credentials: requires --uninstall');
  if (credentials === 'revoke' && !yes && !options['dry-run']) {
    faults.push('--credentials revoke: live pods lose their databases within moments; to confirm, add --yes');
  }
  return faults;
}
