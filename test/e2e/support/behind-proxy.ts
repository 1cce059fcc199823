/** Functions whose requests to Vault go through a proxy that a test has fail; it heals after each test. */
import { afterEach, beforeEach } from 'vitest';
import { parseConfig } from '../../../shared/config.ts';
import type { Clock } from '../../../shared/deadline.ts';
import { createVault } from '../../../shared/vault/index.ts';
import { configurationFor } from '../../stack/function.ts';
import { startAdmission } from './admission-function.ts';
import { type Census, takeCensus } from './census.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { openFleet } from './fleet.ts';
import { deletePod, expectOrder } from './fleet-state.ts';
import { startRevocation } from './revoking.ts';
import { stack } from './stack.ts';

/** Each test leaves its fleet in order. */
export async function revocationBehindProxy() {
  const fleet = await openFleet();
  const proxy = await startFaultProxy();
  const revocation = await startRevocation(fleet, { vaultAddress: proxy.url });
  afterEach(async () => {
    proxy.heal();
    await expectOrder(fleet);
  });
  const deleted = async () => {
    const pod = await fleet.pod();
    await deletePod(pod);
    return pod;
  };
  return { fleet, proxy, revocation, deleted };
}

export async function admissionBehindProxy() {
  const proxy = await startFaultProxy();
  const admission = await startAdmission(proxy);
  const census: { atFirst: Census } = { atFirst: await takeCensus() };
  beforeEach(async () => {
    census.atFirst = await takeCensus();
  });
  afterEach(() => proxy.heal());
  return { proxy, admission, census };
}

/** The admission function's client of Vault, by a clock that the test sets. */
export function vaultBehind(
  proxy: Pick<FaultProxy, 'url'>,
  clock: Clock,
  onLogin: (outcome: string) => void = () => {},
) {
  const keys = configurationFor(stack.description.functions, 'admission');
  const file = JSON.stringify({ ...keys, vaultAddress: proxy.url });
  return createVault(parseConfig({ file, environment: {}, process: 'admission' }).vault, clock, onLogin);
}
