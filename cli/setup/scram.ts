/**
 * A password as PostgreSQL stores it (RFC 5803), so that the plain one is neither in a statement nor in the server's
 * log.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { Secret } from '../../shared/secret.ts';

const ITERATIONS = 4_096;

/** @param password ASCII only: any other would have to be normalised (SASLprep). */
export function scramVerifier(password: Secret, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password.reveal(), salt, ITERATIONS, 32, 'sha256');
  const key = (name: string) => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest('base64');
  const server = key('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`;
}
