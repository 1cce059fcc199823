import { execa } from 'execa';
import * as v from 'valibot';
import { findOrInstall } from '../../stack/install/index.ts';

const Verdict = v.object({ kind: v.string(), name: v.string(), faults: v.string() });

/** What Knative's webhooks would find, by Knative's own code; of its kinds only. */
export async function judge(manifests: readonly object[], ...features: readonly string[]) {
  const input = manifests.map((one) => JSON.stringify(one)).join('\n');
  const { stdout } = await execa(await findOrInstall('validation', () => {}), features, { input });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => v.parse(Verdict, JSON.parse(line)));
}
