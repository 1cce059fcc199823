import { PROCESSES } from '../processes.ts';
import type { Check } from './check.ts';
import { clocks } from './clocks.ts';
import { rightsInCluster } from './cluster-rights.ts';
import { apiServer, configuration } from './configuration.ts';
import { databaseEngines, databaseRoles } from './databases.ts';
import type { Facts } from './facts.ts';
import { gateway } from './gateway.ts';
import { knative } from './knative.ts';
import { leases } from './leases.ts';
import { ledgerMount, ledgerReadable, ledgerSettings } from './ledger.ts';
import { liveGrants } from './live-grants.ts';
import { podsStart } from './pods.ts';
import { cronJob, lastSweep, schedule } from './sweep.ts';
import { login, rightsInVault, vault } from './vault.ts';
import { podGuard, webhook, webhookAuthority, webhookCertificate } from './webhook.ts';

/** All that is looked at; what others need comes before them. */
export function checksOf(facts: Facts): Check[] {
  return [
    apiServer(facts),
    configuration(facts),
    vault(facts),
    ...PROCESSES.map((process) => login(facts, process)),
    ...PROCESSES.map((process) => rightsInVault(facts, process)),
    leases(facts),
    ledgerMount(facts),
    ledgerReadable(facts),
    ledgerSettings(facts),
    liveGrants(facts),
    databaseEngines(facts),
    databaseRoles(facts),
    cronJob(facts),
    schedule(facts),
    lastSweep(facts),
    clocks(facts),
    webhook(facts),
    webhookAuthority(facts),
    webhookCertificate(facts),
    gateway(facts),
    podGuard(facts),
    podsStart(facts),
    ...knative(facts),
    ...rightsInCluster(facts),
  ];
}
