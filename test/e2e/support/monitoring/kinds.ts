import { findOrInstall } from '../../../stack/install/index.ts';
import { kubectl } from '../kubectl.ts';

/** The Prometheus Operator's kinds, on the stack's API server: nothing but knative/monitoring needs them. */
export async function bringMonitoringKinds(): Promise<void> {
  const file = await findOrInstall('monitoring-crds.yaml', () => {});
  for (const args of [
    ['apply', '--server-side', `--filename=${file}`],
    ['wait', '--for=condition=Established', '--timeout=30s', `--filename=${file}`],
  ]) {
    const { ok, output } = await kubectl(args);
    if (!ok) throw new Error(`kubectl ${args[0]}: ${output}`);
  }
}
