/** A server's certificate and key in files that are replaced while it runs, as cert-manager does it every few weeks. */
import { readFileSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';
import { fileVersion } from '../file-version.ts';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** With the authorities that clients' certificates have to be of, where they are asked for any. */
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
 * Has new connections see the new certificate within seconds; those that are open go on with the old one. A pair that
 * does not fit together, because only one of the files has been replaced yet, is tried again.
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
      // What is served stays as it is until the files are whole again.
    }
  }, LOOK_AGAIN_AFTER_MS);
  timer.unref();
  server.on('close', () => clearInterval(timer));
}

export function versionOf({ certFile, keyFile, clientCaFile }: WatchedFiles): string {
  const files = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  return files.map(fileVersion).join(' ');
}
