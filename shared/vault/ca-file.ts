import { readFileSync } from 'node:fs';
import type { Clock } from '../deadline.ts';
import { InjectorError } from '../errors.ts';
import { fileVersion } from '../file-version.ts';

/** The file with the authorities that Vault's certificate is checked against; read again when it changes. */
export interface CaFile {
  read(): string;
  /** Forces a new look at the file: a certificate was not trusted, so the file may have been replaced. */
  expire(): void;
}

const LOOK_AGAIN_AFTER_MS = 1_000;

export function createCaFile(path: string, clock: Clock): CaFile {
  let content: string | undefined;
  let version = '';
  let lookedAt = Number.NEGATIVE_INFINITY;
  function read(): string {
    if (content !== undefined && clock() - lookedAt < LOOK_AGAIN_AFTER_MS) return content;
    lookedAt = clock();
    try {
      const found = fileVersion(path);
      if (content === undefined || found !== version) content = readFileSync(path, 'utf8');
      version = found;
      return content;
    } catch (cause) {
      // A file that is being replaced may be missing for a moment; the old authorities stay trusted.
      if (content !== undefined) return content;
      throw new InjectorError('vault_tls', `the file of vaultCaFile (${path}) cannot be read`, { cause });
    }
  }
  return {
    read,
    expire: () => {
      lookedAt = Number.NEGATIVE_INFINITY;
      version = '';
    },
  };
}

/** Certificates that are already loaded. */
export const fixedCa = (pem: string): CaFile => ({ read: () => pem, expire: () => {} });
