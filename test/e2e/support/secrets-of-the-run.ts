/** All secrets that Vault gave out or was shown while the tests ran, looked for wherever somebody else might read. */
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from '../../stack/http.ts';
import type { Stack } from '../../stack/index.ts';

const NAMES = /"(?:client_token|password|jwt|token|TokenId|secret_id)":"([^"]{16,})"/g;
// What was tried as a token, and is none: words of the ledger, such as uuids.
const REFUSED = /"path":"auth\/token\/lookup-self".*"error":|"error":.*"path":"auth\/token\/lookup-self"/;
// The administrator's, which the stack's own calls show.
const PLACES = /\.log$/;

/** Of Vault's audit log in the clear. */
export async function secretsIn(file: string): Promise<Set<string>> {
  const secrets = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (REFUSED.test(line)) continue;
    for (const [, secret] of line.matchAll(NAMES)) if (secret !== undefined) secrets.add(secret);
  }
  return secrets;
}

async function logsIn(folder: string): Promise<{ where: string; text: string }[]> {
  const files = await readdir(folder, { recursive: true });
  return Promise.all(
    files
      .filter((file) => PLACES.test(file))
      .map(async (file) => ({ where: file, text: await readFile(join(folder, file), 'utf8') })),
  );
}

async function shownBy({ kubernetes, knative }: Stack): Promise<{ where: string; text: string }[]> {
  const events = await kubernetes.ask('GET', '/api/v1/events');
  const pages = Object.entries(knative?.activators ?? {}).map(async ([name, { url }]) => ({
    where: `the metrics of ${name}`,
    text: (await request(`${url}/metrics`)).body,
  }));
  return [{ where: 'events', text: events.body }, ...(await Promise.all(pages))];
}

/** Splits a text where a secret ends: one look-up a word, however many secrets there are. */
const wordsOf = (text: string): string[] => text.split(/[^\w.-]+/);

/**
 * @returns how many secrets were looked for, and in how many places.
 * @throws Error that names the places where one was found, and never the secret.
 */
export async function expectNoSecretOfTheRun(stack: Stack): Promise<{ secrets: number; places: number }> {
  const { vaultServer, description } = stack;
  const secrets = await secretsIn(vaultServer.secretsFile);
  const places = [...(await logsIn(description.folder)), ...(await shownBy(stack))];
  const found = places.filter(({ text }) => wordsOf(text).some((word) => secrets.has(word)));
  if (found.length > 0) throw new Error(`secrets stand in ${found.map(({ where }) => where).join(', ')}`);
  return { secrets: secrets.size, places: places.length };
}
