import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { array, object, parse, string } from 'valibot';
import type { Authority } from '../certificates.ts';
import { freePort } from '../process/ports.ts';
import type { Part, Processes } from '../process/processes.ts';
import { until } from '../wait.ts';
import { createVaultApi, type VaultApi } from './api.ts';

/** A running OpenBao server: real storage, initialised, unsealed. */
export type VaultServer = {
  address: string;
  rootToken: string;
  unsealKey: string;
  /** The authority that its certificate is from, if it speaks TLS. */
  caFile: string | undefined;
  auditFile: string;
  /** With the root token, in the root namespace. */
  root: VaultApi;
  part(): Part;
  seal(): Promise<void>;
  unseal(): Promise<void>;
  stop(): Promise<void>;
  /** Starts it again on its data, and unseals it. */
  start(): Promise<void>;
  /** Has it answer with a certificate from `authority`, without a restart. `caFile` is left as it is. */
  useCertificateFrom(authority: Authority): Promise<void>;
};

export type VaultServerOptions = {
  binary: string;
  folder: string;
  /** Makes it speak TLS. */
  authority?: Authority | undefined;
};

const initialisation = object({ keys: array(string()), root_token: string() });

const configuration = (folder: string, port: number, clusterPort: number, tls: boolean): string => `
storage "raft" {
  path = "${join(folder, 'data')}"
  node_id = "stack"
  # One node that waits for the votes of others waits in vain.
  performance_multiplier = 1
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  cluster_address = "127.0.0.1:${clusterPort}"
  ${tls ? `tls_cert_file = "${join(folder, 'tls.crt')}"\n  tls_key_file = "${join(folder, 'tls.key')}"` : 'tls_disable = true'}
  telemetry {
    unauthenticated_metrics_access = true
  }
}
telemetry {
  prometheus_retention_time = "24h"
  disable_hostname = true
}
audit "file" "file" {
  description = "every request"
  options {
    file_path = "${join(folder, 'audit.log')}"
  }
}
api_addr = "${tls ? 'https' : 'http'}://127.0.0.1:${port}"
cluster_addr = "https://127.0.0.1:${clusterPort}"
`;

const writeCertificate = async (folder: string, authority: Authority): Promise<void> => {
  const { certificate, key } = await authority.issue({ commonName: 'vault' });
  await writeFile(join(folder, 'tls.key'), key, { mode: 0o600 });
  await writeFile(join(folder, 'tls.crt'), certificate);
};

const prepare = async ({ folder, authority }: VaultServerOptions): Promise<string | undefined> => {
  await mkdir(join(folder, 'data'), { recursive: true, mode: 0o700 });
  if (authority === undefined) return undefined;
  const caFile = join(folder, 'ca.crt');
  await writeFile(caFile, authority.certificate);
  await writeCertificate(folder, authority);
  return caFile;
};

const unsealAndWait = async (vault: VaultApi, key: string): Promise<void> => {
  await vault.call('PUT', 'sys/unseal', { key });
  // Unsealed it is a standby at first, and takes the lead a moment later.
  await until('OpenBao is active', async () => (await vault.ask('GET', 'sys/health')).status === 200);
};

export const startVault = async (processes: Processes, options: VaultServerOptions): Promise<VaultServer> => {
  const { binary, folder, authority } = options;
  const caFile = await prepare(options);
  const port = await freePort();
  const configFile = join(folder, 'config.hcl');
  await writeFile(configFile, configuration(folder, port, await freePort(), authority !== undefined));

  const address = `${authority === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const anonymous = createVaultApi({ address, caFile });
  const launch = (): Promise<Part> =>
    processes.start({
      name: 'openbao',
      layer: 'server',
      command: binary,
      args: ['server', `-config=${configFile}`],
      address,
      logFile: join(folder, 'openbao.log'),
      // Sealed it answers 503 and not yet initialised 501: both mean that it is up.
      ready: async () => [200, 429, 501, 503].includes((await anonymous.ask('GET', 'sys/health')).status),
    });

  let part = await launch();
  const initialised = await anonymous.call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
  const { keys, root_token: rootToken } = parse(initialisation, initialised);
  const unsealKey = keys.join('');
  const root = createVaultApi({ address, caFile, token: rootToken });
  const unseal = (): Promise<void> => unsealAndWait(anonymous, unsealKey);
  await unseal();

  return {
    address,
    rootToken,
    unsealKey,
    caFile,
    auditFile: join(folder, 'audit.log'),
    root,
    part: () => part,
    seal: async () => void (await root.call('PUT', 'sys/seal')),
    unseal,
    stop: () => part.stop(),
    start: async () => {
      part = await launch();
      await unseal();
    },
    useCertificateFrom: async (next) => {
      await writeCertificate(folder, next);
      part.kill('SIGHUP');
    },
  };
};
