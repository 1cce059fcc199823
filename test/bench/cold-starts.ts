/** What a pod waits for when nothing runs: the process' start and its first admission, against a bare server's start. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { nodeArguments, projectRoot } from '../stack/paths.ts';
import { BARE, coldStarts } from './cold.ts';
import { report } from './figures.ts';
import { reviewOf } from './review.ts';
import { startVaultStub } from './vault-stub.ts';

const RUNS = 21;

export async function benchColdStarts(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-cold-'));
  const stub = await startVaultStub();
  try {
    const configFile = join(folder, 'config.yaml');
    await writeFile(join(folder, 'token'), 'stub');
    await writeFile(
      configFile,
      stringify({
        vaultAddress: stub.address,
        vaultAuthPath: 'kubernetes',
        kubeRole: 'all-rw',
        vaultSecretName: 'vault-injector',
        vaultSecretPrefix: 'bench',
        serviceAccountTokenFile: join(folder, 'token'),
        listenAddress: '127.0.0.1',
      }),
    );
    const admission = {
      args: [...nodeArguments, join(projectRoot, 'dist/admission.cjs')],
      environment: { CONFIG_FILE: configFile },
      path: '/?timeout=5s',
      body: reviewOf('cold'),
    };
    const [bare = 1, ours = 0] = await coldStarts([BARE, admission], RUNS);
    report('admission.cold_ms', ours, 'ms');
    report('bare.cold_ms', bare, 'ms');
    report('admission.cold_over_bare', ours / bare, 'ratio', '≤ 2.0');
  } finally {
    stub.close();
    await rm(folder, { recursive: true });
  }
}
