/** Admission functions of a test's own, beside the one that the API server asks. */
import { readFile } from 'node:fs/promises';
import { afterAll } from 'vitest';
import { request } from '../../stack/http.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { expectNoSecretIn } from './secrets.ts';
import { authority, stack } from './stack.ts';

type Options = Omit<Parameters<typeof stack.startFunction>[0], 'name'>;

const started: { readonly logFile: string; readonly proxy: Pick<FaultProxy, 'secrets'> }[] = [];

// Whatever a test was about: its functions' logs hold nothing secret of what has passed.
afterAll(async () => {
  for (const { logFile, proxy } of started) {
    expectNoSecretIn('the log', await readFile(logFile, 'utf8'), proxy.secrets());
  }
});

export type AdmissionFunction = Awaited<ReturnType<typeof startAdmission>>;

/**
 * Its requests to Vault go through `proxy`, and what it gives stands in the patch, where nothing else is said: what it makes
 * of Secrets, the stack's own function shows. Ends with the test file.
 */
export async function startAdmission(proxy: FaultProxy, options: Options = {}) {
  const overrides = { vaultAddress: proxy.url, delivery: 'env', ...options.overrides };
  const part = await stack.startFunction({ name: 'admission', ...options, overrides });
  started.push({ logFile: part.logFile, proxy });
  return {
    ...part,
    log: () => readFile(part.logFile, 'utf8'),
    get: (path: string) => request(`${part.url}${path}`, { ca: authority }),
  };
}
