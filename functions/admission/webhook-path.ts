/**
 * Authenticates the API server: an AdmissionReview is only JSON, and anyone who can reach the function could send one
 * in another pod's name. So the webhook's path ends in a secret of 256 bits; or the API server sends the secret as a
 * bearer token, if its start-up files can be changed: its error messages never show that. Several secrets are
 * accepted at once, so that one can be rotated without a failed admission.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/telemetry/logger.ts';

export interface WebhookPath {
  /**
   * @param path of a request, from its first slash.
   * @param authorization the raw header.
   */
  accepts(path: string, authorization?: string): Promise<boolean>;
}

export interface WebhookPathOptions {
  /** One secret per file: a mounted Secret. */
  readonly folder: string | undefined;
  /** Whether `/` is accepted, too. */
  readonly open: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

// 256 bits; the API server allows neither capitals nor "_" in a webhook's path.
const SECRET = /^[\da-f]{64}$/;
const BEARER = /^Bearer ([\da-f]{64})$/;
const READ_AGAIN_AFTER_MS = 1_000;

/** @throws InjectorError `configuration_invalid` if no secret can be read. */
export function createWebhookPath({ folder, open, clock, log }: WebhookPathOptions): WebhookPath {
  let digests = folder === undefined ? [] : readDigests(folder);
  let readAt = clock();
  if (digests.length === 0 && !open) {
    throw holdsNone(folder);
  }

  /** The kubelet replaces the files when the Secret changes. */
  function refresh(): void {
    if (folder === undefined || clock() - readAt < READ_AGAIN_AFTER_MS) return;
    readAt = clock();
    try {
      digests = readDigests(folder);
      if (digests.length === 0) log.error('admissions are no longer accepted', holdsNone(folder));
    } catch (error) {
      log.error('the secrets of the webhook path cannot be read again', error);
    }
  }

  return {
    async accepts(path, authorization) {
      if (open && path === '/') return true;
      refresh();
      const [, token] = BEARER.exec(authorization ?? '') ?? [];
      const candidate = digestOf(path === '/' && token !== undefined ? token : path.slice(1));
      // Compares with all secrets, each in constant time, against timing attacks.
      return digests.filter((digest) => timingSafeEqual(digest, candidate)).length > 0;
    },
  };
}

function holdsNone(folder: string | undefined): InjectorError {
  return new InjectorError(
    'configuration_invalid',
    `webhookPathSecretFolder: ${folder} holds no secret: expected files with 64 hexadecimal digits, in lower case, each`,
  );
}

// Read synchronously: the files are small and in memory, and the thread pool would cost a cold start 10 ms.
function readDigests(folder: string): Buffer[] {
  try {
    // The kubelet's own entries begin with two dots.
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
    return names
      .map((name) => readFileSync(join(folder, name), 'utf8').trim())
      .filter((secret) => SECRET.test(secret))
      .map(digestOf);
  } catch (cause) {
    const message = `webhookPathSecretFolder: the secrets in ${folder} cannot be read`;
    throw new InjectorError('configuration_invalid', message, { cause });
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
