import { Agent } from 'node:http';
import { Pushgateway, type Registry } from 'prom-client';

// A kept connection is given up after five seconds, and a push that takes it up at that moment fails.
const agent = new Agent({ keepAlive: false });

/** Replaces the previous push, like the renewal job. */
export async function pushAsJob(pushgatewayUrl: string, figures: Registry): Promise<void> {
  await new Pushgateway(pushgatewayUrl, { agent }, figures).push({ jobName: 'vault_db_injector_renewal_0' });
}
