/** Secrets in what passes between the function and Vault, and the places where none of them may turn up. */
import type { IncomingHttpHeaders } from 'node:http';
import { expect } from 'vitest';

const NAMES = /"(?:client_token|password|jwt|token|TokenId)":"([^"]+)"/g;

/** Secrets of one message: its token header, and JSON values under names that mean a secret. */
export function* secretsIn(headers: IncomingHttpHeaders, body: string): Generator<string> {
  const token = headers['x-vault-token'];
  if (typeof token === 'string') yield token;
  for (const [, secret] of body.matchAll(NAMES)) if (secret !== undefined) yield secret;
}

export function expectNoSecretIn(where: string, text: string, secrets: Iterable<string>): void {
  const found = [...secrets].filter((secret) => text.includes(secret));
  // Not the secrets: they would stand in the test's report.
  expect(`${found.length} secrets in ${where}`).toBe(`0 secrets in ${where}`);
}
