import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { KeyPair } from '../certificates.ts';
import type { PartControl } from '../process/processes.ts';
import { until } from '../wait.ts';
import type { VaultApi } from './api.ts';
import { vaultFiles, writeCertificate } from './files.ts';

/** What can happen to a Vault server. (It is stopped and started as every part is.) */
export type VaultFaults = {
  seal(): Promise<void>;
  unseal(): Promise<void>;
  /**
   * Has it answer with another certificate from now on, without a restart. The file with the authority that clients
   * trust is left as it is.
   */
  useCertificate(pair: KeyPair): Promise<void>;
};

const shownCertificate = (address: string): Promise<X509Certificate | undefined> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(address);
    // It is looked at, not trusted.
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });

type Place = { folder: string; address: string; unsealKey: string };

export const createVaultFaults = (
  { folder, address, unsealKey }: Place,
  root: VaultApi,
  control: PartControl,
): VaultFaults => ({
  seal: async () => {
    await root.call('PUT', 'sys/seal');
  },
  unseal: async () => {
    await root.call('PUT', 'sys/unseal', { key: unsealKey });
    // Unsealed it is a standby at first, and takes the lead a moment later.
    await until('Vault is active', async () => (await root.ask('GET', 'sys/health')).status === 200);
  },
  useCertificate: async (pair) => {
    await writeCertificate(vaultFiles(folder), pair);
    await control.signal('openbao', 'SIGHUP');
    const expected = new X509Certificate(pair.certificate).fingerprint256;
    await until(
      'Vault shows its new certificate',
      async () => (await shownCertificate(address))?.fingerprint256 === expected,
    );
  },
});
