import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { array, object, parse, string } from 'valibot';
import type { Authority } from '../certificates.ts';
import { freePort } from '../process/ports.ts';
import type { Processes } from '../process/processes.ts';
import { createVaultApi, type VaultApi } from './api.ts';
import { type VaultFiles, vaultFiles, writeCertificate } from './files.ts';

/** A running OpenBao server: real storage, initialised, unsealed. */
export type VaultServer = {
  folder: string;
  /** One JSON line per request and per answer. */
  auditFile: string;
  /** The same with the secrets as they are, if it was started so. */
  secretsFile: string;
  address: string;
  rootToken: string;
  unsealKey: string;
  /** The authority that its certificate is from, if it speaks TLS. */
  caFile: string | undefined;
};

type Wishes = {
  /** Makes it speak TLS. */
  authority?: Authority | undefined;
  /** Has it write a second audit log, with the secrets as they are, so that they can be looked for elsewhere. */
  inTheClear?: boolean | undefined;
};
export type VaultServerOptions = Wishes & { binary: string; folder: string };

const initialisation = object({ keys: array(string()), root_token: string() });

type Ports = { api: number; cluster: number };

const auditInTheClear = (files: VaultFiles): string => `
audit "file" "in-the-clear" {
  description = "every request, with its secrets"
  options {
    file_path = "${files.secrets}"
    log_raw = "true"
  }
}`;

const configuration = (files: VaultFiles, ports: Ports, { authority, inTheClear }: Wishes): string => {
  const tls = authority !== undefined;
  return `
storage "raft" {
  path = "${files.data}"
  node_id = "stack"
  # One node that waits for the votes of others waits in vain.
  performance_multiplier = 1
}
listener "tcp" {
  address = "127.0.0.1:${ports.api}"
  cluster_address = "127.0.0.1:${ports.cluster}"
  ${tls ? `tls_cert_file = "${files.certificate}"\n  tls_key_file = "${files.key}"` : 'tls_disable = true'}
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
    file_path = "${files.audit}"
  }
}
${inTheClear ? auditInTheClear(files) : ''}
api_addr = "${tls ? 'https' : 'http'}://127.0.0.1:${ports.api}"
cluster_addr = "https://127.0.0.1:${ports.cluster}"
`;
};

type Keys = { unsealKey: string; rootToken: string };

const initialise = async (vault: VaultApi): Promise<Keys> => {
  const answer = await vault.call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
  const { keys, root_token: rootToken } = parse(initialisation, answer);
  return { unsealKey: keys.join(''), rootToken };
};

/** Brings the server one step further towards its work, and says whether it has got there. */
const bringUp = (vault: VaultApi, onKeys: (keys: Keys) => void): (() => Promise<boolean>) => {
  const notInitialised = 501;
  const sealed = 503;
  let keys: Keys | undefined;
  return async () => {
    const { status } = await vault.ask('GET', 'sys/health');
    if (status === notInitialised && keys === undefined) {
      keys = await initialise(vault);
      onKeys(keys);
    }
    if (status === sealed) await vault.call('PUT', 'sys/unseal', { key: keys?.unsealKey });
    return status === 200;
  };
};

export const startVault = async (
  processes: Processes,
  { binary, folder, ...wishes }: VaultServerOptions,
): Promise<VaultServer> => {
  const files = vaultFiles(folder);
  const { authority } = wishes;
  await mkdir(files.data, { recursive: true, mode: 0o700 });
  if (authority !== undefined) {
    await writeFile(files.ca, authority.certificate);
    await writeCertificate(files, await authority.issue({ commonName: 'vault' }));
  }
  const ports = { api: await freePort(), cluster: await freePort() };
  await writeFile(files.configuration, configuration(files, ports, wishes));

  const address = `${authority === undefined ? 'http' : 'https'}://127.0.0.1:${ports.api}`;
  const caFile = authority === undefined ? undefined : files.ca;
  let keys: Keys = { unsealKey: '', rootToken: '' };
  await processes.start('server', {
    name: 'openbao',
    command: binary,
    args: ['server', `-config=${files.configuration}`],
    address,
    logFile: join(folder, 'openbao.log'),
    ready: bringUp(createVaultApi({ address, caFile }), (made) => {
      keys = made;
    }),
  });
  return { folder, auditFile: files.audit, secretsFile: files.secrets, address, caFile, ...keys };
};
