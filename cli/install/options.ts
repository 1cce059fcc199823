/** What `npm run install:cluster` was asked for. */
import * as v from 'valibot';
import { flagOption, readArguments, secondsOption, textOption } from '../options.ts';
import { Refusal } from '../refusal.ts';

export const USAGE = `npm run install:cluster -- [options]

  --vault-address URL       of Vault or OpenBao, as the cluster reaches it
  --vault-auth-path PATH    mount of the Kubernetes auth method
  --prefix NAME             this cluster's folder in the ledger
  --config FILE             more keys of the configuration (docs/configuration.md)
  --vault-ca FILE           PEM of the authority of Vault's certificate, where it is a private one
  --image IMAGE             of the functions and jobs, with its tag or digest
  --ingress kourier|istio|none
                            the API server's way to the function (kourier)
  --webhook-url URL         with --ingress none: where the API server reaches it
  --webhook-ca FILE         with --ingress none: PEM of the authority of its certificate
  --self-test-role ROLE     a role of Vault that the test's pod asks for
  --self-test-namespace NS  where the test's pod would be (default)
  --self-test-service-account NAME
                            whose it would be (default)
  --context NAME            of the kubeconfig
  --timeout SECONDS         to wait until all is ready (300)
  --settle SECONDS          with --uninstall: that API servers are given to forget the webhook (30)
  --force-conflicts         take over what somebody else has set
  --dry-run                 check, and say what would be done
  --uninstall               remove it: see docs/install.md
  --credentials keep|revoke with --uninstall: what becomes of those of live pods (keep)
  --yes                     with --credentials revoke, or where the Broker has to be made again:
                            that this is meant

What is installed already keeps its settings: give only what is to change.`;

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
    if (options[name] && ingress !== 'none') faults.push(`--${name}: goes with --ingress none`);
  }
  if (credentials && !uninstall) faults.push('--credentials: goes with --uninstall');
  if (credentials === 'revoke' && !yes && !options['dry-run']) {
    faults.push(
      '--credentials revoke: live pods lose their databases within moments; if that is meant, add --yes',
    );
  }
  return faults;
}
