/** All secrets that Vault gave out or was shown while the tests ran, looked for wherever somebody else might read. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from '../../stack/http.ts';
import type { Stack } from '../../stack/index.ts';

const NAMES = /"(?:client_token|password|jwt|token|TokenId|secret_id)":"([^"]{16,})"/g;
// Words of the ledger that were tried as a token without success, such as uuids.
const REFUSED = /"path":"auth\/token\/lookup-self".*"error":|"error":.*"path":"auth\/token\/lookup-self"/;
// The administrator's, which the stack's own calls show.
const PLACES = /\.log$/;

const linesOf = (file: string): AsyncIterable<string> => createInterface({ input: createReadStream(file) });

/** Secrets in clear in Vault's audit log. */
export async function secretsIn(file: string): Promise<Set<string>> {
  const secrets = new Set<string>();
  for await (const line of linesOf(file)) {
    if (REFUSED.test(line)) continue;
    for (const [, secret] of line.matchAll(NAMES)) if (secret !== undefined) secrets.add(secret);
  }
  return secrets;
}

interface Place {
  readonly where: string;
  readonly lines: () => AsyncIterable<string> | Iterable<string>;
}

/** What is linked to is not the stack's. */
async function logsIn(folder: string): Promise<Place[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && PLACES.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ where: relative(folder, file), lines: () => linesOf(file) }));
}

async function shownBy({ kubernetes, knative }: Stack): Promise<Place[]> {
  const events = await kubernetes.ask('GET', '/api/v1/events');
  const page = async (url: string) => {
    const { body } = await request(url);
    return () => [body];
  };
  const pages = Object.entries(knative?.activators ?? {}).map(async ([name, { url }]) => ({
    where: `the metrics of ${name}`,
    lines: await page(`${url}/metrics`),
  }));
  return [{ where: 'events', lines: () => [events.body] }, ...(await Promise.all(pages))];
}

/** Each line is split where a secret ends: one look-up a word, however many secrets there are. */
async function hasOneOf(secrets: ReadonlySet<string>, { lines }: Place): Promise<boolean> {
  for await (const line of lines()) if (line.split(/[^\w.-]+/).some((word) => secrets.has(word))) return true;
  return false;
}

/**
 * @returns how many secrets were looked for, and in how many places.
 * @throws Error that names the places where one was found, and never the secret.
 */
export async function expectNoSecretOfTheRun(stack: Stack): Promise<{ secrets: number; places: number }> {
  const { vaultServer, description } = stack;
  const secrets = await secretsIn(vaultServer.secretsFile);
  const places = [...(await logsIn(description.folder)), ...(await shownBy(stack))];
  const found: string[] = [];
  for (const place of places) if (await hasOneOf(secrets, place)) found.push(place.where);
  if (found.length > 0) throw new Error(`secrets stand in ${found.join(', ')}`);
  return { secrets: secrets.size, places: places.length };
}
