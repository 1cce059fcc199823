import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyPair } from '../certificates.ts';

export type VaultFiles = {
  data: string;
  configuration: string;
  audit: string;
  /** The audit log in the clear, where a test wants it. */
  secrets: string;
  ca: string;
  certificate: string;
  key: string;
};

export const vaultFiles = (folder: string): VaultFiles => ({
  data: join(folder, 'data'),
  configuration: join(folder, 'config.hcl'),
  audit: join(folder, 'audit.log'),
  secrets: join(folder, 'audit-in-the-clear.jsonl'),
  ca: join(folder, 'ca.crt'),
  certificate: join(folder, 'tls.crt'),
  key: join(folder, 'tls.key'),
});

export const writeCertificate = async (files: VaultFiles, pair: KeyPair): Promise<void> => {
  await writeFile(files.key, pair.key, { mode: 0o600 });
  await writeFile(files.certificate, pair.certificate);
};
