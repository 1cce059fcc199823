/** OpenBao's own count of the requests that it was sent; it is read without a token, and uncounted. */
import { request } from '../../stack/http.ts';
import { openBao } from './stack.ts';

// Logins stand apart from all other requests.
const COUNTERS = /^vault_core_handle_(?:login_)?request_count (\d+)/gm;

async function requestsSoFar(): Promise<number> {
  const { body } = await request(`${openBao.address}/v1/sys/metrics?format=prometheus`);
  return [...body.matchAll(COUNTERS)].reduce((total, [, count]) => total + Number(count), 0);
}

/** All that OpenBao was asked for while the work was done, by whomever. */
export async function requestsDuring(work: () => Promise<unknown>): Promise<number> {
  const before = await requestsSoFar();
  await work();
  return (await requestsSoFar()) - before;
}
