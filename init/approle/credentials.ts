/** The files that the pod's containers read, in the format of kubernetes-vault's init container. */
import { constants } from 'node:fs';
import { access, chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, InjectorError } from '../../shared/errors.ts';
import type { IssuedToken } from '../../shared/vault/login-answer.ts';
import type { Post } from './post.ts';

interface Files {
  readonly tokenFile: string;
  readonly caFile: string;
}

// Readable by all: the pod's containers run as any user.
const READ_BY_ALL = 0o444;

/** @throws InjectorError `configuration_invalid` if the files cannot be written later. */
export async function prepareFolders({ tokenFile, caFile }: Files): Promise<void> {
  for (const folder of new Set([dirname(tokenFile), dirname(caFile)])) {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK);
    } catch (cause) {
      throw cannotWrite(folder, cause);
    }
  }
}

export async function writeCredentials(files: Files, token: IssuedToken, post: Post): Promise<void> {
  const { vaultAddress, vaultNamespace, vaultCa } = post;
  const content = {
    clientToken: token.token.reveal(),
    accessor: token.accessor,
    leaseDuration: token.leaseSeconds,
    renewable: token.renewable,
    vaultAddr: vaultAddress,
    ...(vaultNamespace !== undefined && { vaultNamespace }),
  };
  if (vaultCa !== undefined) await write(files.caFile, vaultCa);
  // Deletes files of an earlier run: they may be another Vault's.
  else await rm(files.caFile, { force: true });
  await write(files.tokenFile, JSON.stringify(content));
}

/** Replaces atomically: an earlier run's file may be open, or not writable. */
async function write(file: string, content: string): Promise<void> {
  const unfinished = `${file}.${process.pid}`;
  try {
    await writeFile(unfinished, content, { mode: READ_BY_ALL });
    // Restores the mode that the umask has reduced.
    await chmod(unfinished, READ_BY_ALL);
    await rename(unfinished, file);
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

function cannotWrite(path: string, cause: unknown): InjectorError {
  const code = codeOf(cause) ?? 'unknown';
  return new InjectorError(
    'configuration_invalid',
    `${path} cannot be written (${code}): mount a volume there (TOKEN_PATH, CREDENTIALS_PATH) that this container may write to`,
    { cause },
  );
}
