/** Command that writes policies and auth roles again, with everything known about how it was done before. */
import type { Config } from '../../shared/config.ts';
import { InjectorError } from '../../shared/errors.ts';
import type { AuthRole } from '../../shared/vault/inspection.ts';
import { shellWord } from '../shell-word.ts';
import { mountsInUse } from './databases.ts';
import type { Facts } from './facts.ts';

interface Known {
  readonly config: Pick<Config, 'vault' | 'projectedServiceAccount'>;
  readonly mounts: readonly string[];
  /** Admission's configuration; `undefined` if it could not be read. */
  readonly role: AuthRole | undefined;
  /** Audience of the processes' tokens. */
  readonly audience: string;
}

export async function setUpCommand(facts: Facts): Promise<string> {
  const [config, installation] = await Promise.all([facts.config(), facts.installation()]);
  const { audience } = installation.places.admission;
  const mounts = await mountsInUse(facts).catch(unlessUnknown([config.vault.defaultEngine]));
  const role = await readRole(facts).catch(unlessUnknown(undefined));
  return setUpCommandFor({ config, mounts, role, audience });
}

/** Only admission may read roles; otherwise Vault's operator may. */
async function readRole(facts: Facts): Promise<AuthRole | undefined> {
  const { authPath, kubeRole } = (await facts.config('admission')).vault;
  const { inspection } = await facts.vault('admission');
  return inspection.authRole(authPath, kubeRole, facts.work(), facts.operatorToken);
}

const unlessUnknown =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (error instanceof InjectorError) return instead;
    throw error;
  };

/** Ends with a comment, which both shell and people understand. */
export function setUpCommandFor({ config, mounts, role, audience }: Known): string {
  const { ledgerPrefix, ledgerMount, authPath } = config.vault;
  const prefix = prefixOf(role);
  const known = {
    LEDGER_PREFIX: ledgerPrefix,
    LEDGER_MOUNT: ledgerMount,
    AUTH_PATH: authPath,
    DATABASE_MOUNTS: mounts.join(' '),
    AUDIENCE: role?.audience || audience,
    ...(prefix && { POLICY_PREFIX: prefix }),
    ...(role && { TOKEN_BOUND_CIDRS: role.boundCidrs.join(',') }),
    ...(config.projectedServiceAccount && { USE_PROJECTED_SA: 'true' }),
  };
  const variables = Object.entries(known).map(([name, value]) => `${name}=${shellWord(value)}`);
  const unknown = ['APPLICATION_POLICIES', 'TOKEN_BOUND_CIDRS', 'POLICY_PREFIX', 'APPROLE_PATH'].filter(
    (name) => !(name in known),
  );
  return `${variables.join(' ')} knative/vault/set-up.sh # rewrites everything: add all other variables of the first run, or their settings are lost: ${unknown.join(', ')}, and DATABASE_MOUNTS that no pod uses now`;
}

/** The prefix of the policies' names, as the script sets it; `undefined` if they have custom names. */
function prefixOf(role: AuthRole | undefined): string | undefined {
  const [policy = ''] = role?.policies.filter((name) => name.endsWith('-admission')) ?? [];
  return policy.slice(0, -'-admission'.length) || undefined;
}
