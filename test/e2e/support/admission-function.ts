/** Admission functions of a test's own, beside the one that the API server asks. */
import { readFile } from 'node:fs/promises';
import { request } from '../../stack/http.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { authority, stack } from './stack.ts';

type Options = Omit<Parameters<typeof stack.startFunction>[0], 'name'>;

export type AdmissionFunction = Awaited<ReturnType<typeof startAdmission>>;

/** Its requests to Vault go through `proxy`. Ends with the test file. */
export async function startAdmission(proxy: Pick<FaultProxy, 'url'>, options: Options = {}) {
  const overrides = { vaultAddress: proxy.url, ...options.overrides };
  const part = await stack.startFunction({ name: 'admission', ...options, overrides });
  return {
    ...part,
    log: () => readFile(part.logFile, 'utf8'),
    get: (path: string) => request(`${part.url}${path}`, { ca: authority }),
  };
}
