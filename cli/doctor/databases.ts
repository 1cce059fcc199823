/** The database engines, and whether their roles' leases last from one sweep to the next. */
import type { Secret } from '../../shared/secret.ts';
import { VaultError } from '../../shared/vault/failure.ts';
import { scopeOfLease } from '../../shared/vault/slots.ts';
import { type Check, failed, ok, unknown, type Verdict } from './check.ts';
import { EDIT_CONFIGURATION } from './configuration.ts';
import type { Facts } from './facts.ts';

interface Role {
  readonly mount: string;
  readonly name: string;
  readonly ttlSeconds: number;
}

// Vault's default if neither role, mount nor the server's configuration sets a lease duration.
const SERVER_DEFAULT_SECONDS = 768 * 3_600;
const WITH_A_TOKEN = 'VAULT_TOKEN=… (a token that may read database roles)';

export const databaseEngines = (facts: Facts): Check => ({
  name: 'database engines',
  needs: ['login of renewal'],
  async look() {
    const mounts = await mountsInUse(facts);
    const { operatorToken: token } = facts;
    // The injector has no rights there: only the pods' own tokens do.
    if (!token) return unknown(`${mounts.join(', ')}: the injector may not see them`, WITH_A_TOKEN);
    const faults = await Promise.all(mounts.map((mount) => faultOf(mount, token, facts)));
    return faults.find((fault) => fault !== undefined) ?? ok(mounts.join(', '));
  },
});

async function faultOf(mount: string, token: Secret, facts: Facts): Promise<Verdict | undefined> {
  const { inspection } = await facts.vault();
  const found = await inspection.anyMount(mount, facts.work(), token);
  const correct = `correct defaultEngine: ${EDIT_CONFIGURATION}`;
  if (found === 'hidden') return unknown(`${mount}: VAULT_TOKEN may not see it`, WITH_A_TOKEN);
  if (found === 'absent')
    return failed(
      `there is no mount ${mount}`,
      `vault secrets enable -path=${mount} database, or ${correct}`,
    );
  return found.type === 'database'
    ? undefined
    : failed(`${mount} is of type ${found.type}, not database`, correct);
}

export const databaseRoles = (facts: Facts): Check => ({
  name: 'database roles',
  needs: ['login of renewal'],
  async look() {
    const { syncIntervalSeconds } = await facts.config();
    const { operatorToken: token } = facts;
    if (!token) return judged(await rolesInUse(facts), syncIntervalSeconds, 'in use');
    const faults = await Promise.all((await mountsInUse(facts)).map((mount) => faultOf(mount, token, facts)));
    if (faults.some((fault) => fault?.state === 'failed'))
      return unknown('could not be checked: see the database engines');
    try {
      return judged(await rolesThere(facts, token), syncIntervalSeconds, 'there');
    } catch (error) {
      if (error instanceof VaultError && error.status === 403)
        return unknown('could not be checked: VAULT_TOKEN may not read them', WITH_A_TOKEN);
      throw error;
    }
  },
});

async function rolesThere(facts: Facts, token: Secret): Promise<Role[]> {
  const { inspection } = await facts.vault();
  const ofMount = async (mount: string) => {
    const engine = await inspection.anyMount(mount, facts.work(), token);
    const mountTtl = typeof engine === 'string' ? 0 : engine.defaultLeaseSeconds;
    const roles = await inspection.databaseRoles(mount, facts.work(), token);
    return roles.map(({ name, defaultTtlSeconds }) => ({
      mount,
      name,
      ttlSeconds: defaultTtlSeconds || mountTtl || SERVER_DEFAULT_SECONDS,
    }));
  };
  return (await Promise.all((await mountsInUse(facts)).map(ofMount))).flat();
}

function judged(roles: readonly Role[], intervalSeconds: number, which: string): Verdict {
  if (roles.length === 0 && which === 'in use')
    return unknown('no pod has a lease yet, and the injector may not read the roles', WITH_A_TOKEN);
  const least = 2 * intervalSeconds;
  const short = roles.filter(({ ttlSeconds }) => ttlSeconds < least);
  const named = short.map(({ mount, name, ttlSeconds }) => `${mount}/${name} ${ttlSeconds} s`);
  const [first] = short;
  if (first)
    return failed(
      `leases of ${named.join(', ')} are shorter than two sync intervals (${least} s)`,
      `vault write ${first.mount}/roles/${first.name} default_ttl=${least}s, or shorten syncTTLSecond and the schedule`,
    );
  const shortest = Math.min(...roles.map(({ ttlSeconds }) => ttlSeconds));
  const of = roles.length === 0 ? 'none' : `${roles.length} ${which}, the shortest lease ${shortest} s`;
  return ok(`${of}; two sync intervals are ${least} s`);
}

/**
 * Taken from the last sweep's memory, or from later records; a lease close to its max_ttl says nothing about its
 * role.
 */
async function rolesInUse(facts: Facts): Promise<Role[]> {
  const roles = new Map<string, Role>();
  for (const { namespace, leaseId, leaseTtlSeconds, endsAt } of await facts.grants()) {
    const scope = scopeOfLease(namespace, leaseId);
    if (!scope || endsAt > 0 || leaseTtlSeconds === 0) continue;
    const { mount, role: name } = scope;
    const known = roles.get(`${mount}/${name}`)?.ttlSeconds ?? Number.POSITIVE_INFINITY;
    roles.set(`${mount}/${name}`, { mount, name, ttlSeconds: Math.min(known, leaseTtlSeconds) });
  }
  return [...roles.values()];
}

/** The default mount, and those that pods have leases of. */
export async function mountsInUse(facts: Facts): Promise<string[]> {
  const { defaultEngine } = (await facts.config()).vault;
  const inUse = (await facts.grants()).flatMap(
    ({ namespace, leaseId }) => scopeOfLease(namespace, leaseId)?.mount ?? [],
  );
  return [...new Set([defaultEngine, ...inUse])];
}
