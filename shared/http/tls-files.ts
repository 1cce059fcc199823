/** A server's certificate and key in files that are replaced while it runs; cert-manager does so every few weeks. */
import { readFileSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';
import { fileVersion } from '../file-version.ts';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Includes the authorities for client certificates, if these are required. */
interface WatchedFiles extends TlsFiles {
  readonly clientCaFile?: string | undefined;
}

interface SecureServer {
  setSecureContext(options: SecureContextOptions): void;
  on(event: 'close', listener: () => void): unknown;
}

const LOOK_AGAIN_AFTER_MS = 1_000;

export function readTlsFiles({ certFile, keyFile }: TlsFiles): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

/**
 * Gives new connections the new certificate within seconds; open ones keep the old one. A certificate and key that do
 * not match, because only one of the files has been replaced yet, are read again.
 *
 * @param version of the files from before the server read them.
 * @param context what the server's contexts are made of.
 */
export function followTlsFiles(
  server: SecureServer,
  files: WatchedFiles,
  version = versionOf(files),
  context: () => SecureContextOptions = () => readTlsFiles(files),
): void {
  let inUse = version;
  const timer = setInterval(() => {
    try {
      const found = versionOf(files);
      if (found === inUse) return;
      server.setSecureContext(context());
      inUse = found;
    } catch {
      // The old certificate stays until both files match again.
    }
  }, LOOK_AGAIN_AFTER_MS);
  timer.unref();
  server.on('close', () => clearInterval(timer));
}

export function versionOf({ certFile, keyFile, clientCaFile }: WatchedFiles): string {
  const files = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  return files.map(fileVersion).join(' ');
}
