/** Writes policies and auth roles anew: all that can be known of how it was done before stands in it. */
import type { Config } from '../../shared/config.ts';
import { InjectorError } from '../../shared/errors.ts';
import type { AuthRole } from '../../shared/vault/inspection.ts';
import { shellWord } from '../setup/quoting.ts';
import { mountsInUse } from './databases.ts';
import type { Facts } from './facts.ts';

interface Known {
  readonly config: Pick<Config, 'vault' | 'projectedServiceAccount'>;
  readonly mounts: readonly string[];
  /** Of admission; `undefined` where it could not be read. */
  readonly role: AuthRole | undefined;
  /** Of the processes' tokens. */
  readonly audience: string;
}

export async function setUpCommand(facts: Facts): Promise<string> {
  const [config, installation] = await Promise.all([facts.config(), facts.installation()]);
  const { audience } = installation.places.admission;
  const mounts = await mountsInUse(facts).catch(unlessUnknown([config.vault.defaultEngine]));
  const role = await readRole(facts).catch(unlessUnknown(undefined));
  return setUpCommandFor({ config, mounts, role, audience });
}

/** Of all processes it is admission that may read roles; where that is not so, whoever operates Vault may. */
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

/** It ends with a comment, for a shell as for a person. */
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
  return `${variables.join(' ')} knative/vault/set-up.sh # writes all anew: add whatever else was set the first time, or it is lost: ${unknown.join(', ')}, and DATABASE_MOUNTS that no pod uses now`;
}

/** As the script names policies; `undefined` where they have names of their own. */
function prefixOf(role: AuthRole | undefined): string | undefined {
  const [policy = ''] = role?.policies.filter((name) => name.endsWith('-admission')) ?? [];
  return policy.slice(0, -'-admission'.length) || undefined;
}
