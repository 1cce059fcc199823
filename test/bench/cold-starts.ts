/** What a pod waits for when nothing runs: the process' start and its first admission, against a bare server's start. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { startVaultStub, type VaultStub } from '../../image/vault-stub.ts';
import { readManifests } from '../stack/manifests.ts';
import { projectRoot } from '../stack/paths.ts';
import { answered, BARE_SERVER, type ColdProcess, coldStarts } from './cold.ts';
import { report } from './figures.ts';
import { reviewOf } from './review.ts';

const RUNS = 21;
const WEBHOOK_SECRET = randomBytes(32).toString('hex');

export async function benchColdStarts(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-cold-'));
  const stub = await startVaultStub();
  try {
    await writeFile(join(folder, 'token'), 'stub');
    await mkdir(join(folder, 'webhook-path'));
    await writeFile(join(folder, 'webhook-path/current'), WEBHOOK_SECRET);
    await writeFile(join(folder, 'config.yaml'), configurationFor(stub, folder));
    await compare(join(folder, 'config.yaml'), stub);
  } finally {
    stub.close();
    await rm(folder, { recursive: true });
  }
}

async function compare(configFile: string, stub: VaultStub): Promise<void> {
  const manifests = await readManifests();
  const containers = {
    admission: manifests.knativeService('admission'),
    revocation: manifests.knativeService('revocation'),
    renewal: manifests.cronJob('renewal'),
  };
  const ours = (name: keyof typeof containers, started: ColdProcess['started']): ColdProcess => ({
    // Started as in the manifest, with the bundle from the build.
    args: containers[name].args.map((arg) => (arg.endsWith('.cjs') ? join(projectRoot, 'dist', arg) : arg)),
    environment: { CONFIG_FILE: configFile },
    started,
  });
  const admission = ours('admission', (port) =>
    answered(port, `/${WEBHOOK_SECRET}?timeout=5s`, reviewOf('cold')),
  );
  const [server = 1, admitted = 0] = await coldStarts([BARE_SERVER, admission], RUNS);
  report('bare_server.cold_ms', server, 'ms');
  report('admission.cold_ms', admitted, 'ms');
  report('admission.cold_over_bare', admitted / server, 'ratio', '≤ 2.0');

  const get = `require('http').get('${stub.address}/v1/sys/health', (answer) => answer.resume())`;
  const bareClient = { args: ['-e', get], environment: {}, started: stub.requested };
  const others = [bareClient, ours('revocation', stub.requested), ours('renewal', stub.requested)];
  const [client = 1, revocation = 0, renewal = 0] = await coldStarts(others, RUNS);
  report('revocation.cold_over_bare', revocation / client, 'ratio', '≤ 2.0');
  report('renewal.cold_over_bare', renewal / client, 'ratio', '≤ 2.0');
}

function configurationFor(stub: VaultStub, folder: string): string {
  return stringify({
    vaultAddress: stub.address,
    vaultAuthPath: 'kubernetes',
    kubeRole: 'all-rw',
    vaultSecretName: 'vault-injector',
    vaultSecretPrefix: 'bench',
    serviceAccountTokenFile: join(folder, 'token'),
    clusterId: 'bench',
    webhookPathSecretFolder: join(folder, 'webhook-path'),
    listenAddress: '127.0.0.1',
  });
}
