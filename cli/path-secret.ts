import { randomBytes } from 'node:crypto';

export const PATH_SECRET = 'webhook-path';
/** 256 bits; the API server allows neither capitals nor "_" in a webhook's path. */
const FORM = /^[\da-f]{64}$/;

export function newPathSecret(): string {
  return randomBytes(32).toString('hex');
}

export function isPathSecret(text: string | undefined): text is string {
  return text !== undefined && FORM.test(text);
}
