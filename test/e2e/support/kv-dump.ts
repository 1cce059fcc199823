/** All that somebody reads who reads the KV engine below a folder: every version of every document, packed or not. */
import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { createVaultApi } from '../../stack/vault/api.ts';
import { secretName } from '../../stack/vault/names.ts';
import { openBao, stack } from './stack.ts';

const Keyed = v.object({ data: v.object({ keys: v.array(v.string()) }) });
const Versions = v.object({ data: v.object({ versions: v.record(v.string(), v.unknown()) }) });

async function documentsIn(folder: string): Promise<string[]> {
  const { status, body } = await stack.vault.ask('LIST', `${secretName}/metadata/${folder}`);
  if (status === 404) return [];
  const { keys } = v.parse(Keyed, JSON.parse(body)).data;
  const below = keys.map((key) => (key.endsWith('/') ? documentsIn(folder + key) : [folder + key]));
  return (await Promise.all(below)).flat();
}

async function contentOf(path: string): Promise<string[]> {
  const metadata = await stack.vault.call('GET', `${secretName}/metadata/${path}`);
  const { versions } = v.parse(Versions, metadata).data;
  const answers = Object.keys(versions).map((version) =>
    stack.vault.ask('GET', `${secretName}/data/${path}?version=${version}`),
  );
  return [JSON.stringify(metadata), ...(await Promise.all(answers)).map(({ body }) => body)];
}

function* stringsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, below] of Object.entries(value)) {
    yield key;
    yield* stringsIn(below);
  }
}

/** What is packed, and the words that a text is made of. */
function partsOf(text: string): string[] {
  const words = text.split(/[^\w.-]+/);
  // Packed like the sweep's memory.
  if (!text.startsWith('H4sI')) return [text, ...words];
  const unpacked: unknown = JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString('utf8'));
  return [text, ...[...stringsIn(unpacked)].flatMap((inner) => [inner, ...inner.split(/[^\w.-]+/)])];
}

/** Every text in every folder whose name begins with the prefix. */
export async function dumpOf(prefix: string): Promise<{ documents: number; texts: readonly string[] }> {
  const folders = (await documentsIn('')).filter((path) => path.startsWith(prefix));
  const contents = (await Promise.all(folders.map(contentOf))).flat();
  const texts = contents.flatMap((body) => [...stringsIn(JSON.parse(body))].flatMap(partsOf));
  return { documents: folders.length, texts: [...new Set(texts)].filter((text) => text.length > 7) };
}

/** Counts the texts that Vault accepts as a token. */
export async function tokensAmong(texts: readonly string[]): Promise<number> {
  const isSendable = /^[\x21-\x7e]+$/;
  let tokens = 0;
  for (const token of texts.filter((text) => isSendable.test(text))) {
    const vault = createVaultApi({ address: openBao.address, token });
    if ((await vault.ask('GET', 'auth/token/lookup-self')).status === 200) tokens += 1;
  }
  return tokens;
}
