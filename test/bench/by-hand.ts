/** The requests that an admission consists of, made one after the other by a bare client: what there is to compare with. */

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { containerOf } from '../stack/function.ts';
import type { AttachedStack } from '../stack/index.ts';
import { createHttpClient } from './http-client.ts';

const Login = v.object({ auth: v.object({ client_token: v.string() }) });
const Lease = v.object({
  lease_id: v.string(),
  data: v.object({ username: v.string(), password: v.string() }),
});

export interface ByHand {
  /** Orphan token, credentials, ledger: as often as asked, under one login. */
  threeRequests(): Promise<void>;
  /** The reference's steps to the letter: login, role, orphan token, credentials, ledger, revoke the login. */
  textbook(): Promise<void>;
}

export async function createByHand({
  environment,
  description,
}: Pick<AttachedStack, 'environment' | 'description'>): Promise<ByHand> {
  const client = createHttpClient(environment['VAULT_ADDR'] ?? '');
  const authPath = environment['VAULT_AUTH_PATH'];
  const ledger = `${environment['VAULT_SECRET_NAME']}/data/${environment['VAULT_SECRET_PREFIX']}`;
  const jwt = readFileSync(containerOf(description.functions, 'admission').tokenFile, 'utf8');
  const as = (token: string) => ({ 'x-vault-token': token });

  async function logIn(): Promise<string> {
    const answer = await client.send('POST', `/v1/auth/${authPath}/login`, { role: 'all-rw', jwt });
    return v.parse(Login, answer).auth.client_token;
  }

  async function issue(login: string): Promise<void> {
    const wanted = { policies: ['gule-rw'], period: '768h' };
    const orphan = v.parse(
      Login,
      await client.send('POST', '/v1/auth/token/create-orphan', wanted, as(login)),
    );
    const token = orphan.auth.client_token;
    const lease = v.parse(
      Lease,
      await client.send('GET', '/v1/pgsql2-dv/creds/gule-rw', undefined, as(token)),
    );
    const data = {
      LeaseId: lease.lease_id,
      TokenId: token,
      Namespace: 'team-infrastructure',
      PodName: '',
      NodeName: '',
    };
    await client.send('POST', `/v1/${ledger}/${randomUUID()}`, { data }, as(login));
  }

  const held = await logIn();
  return {
    threeRequests: () => issue(held),
    async textbook() {
      const login = await logIn();
      await client.send('GET', `/v1/auth/${authPath}/role/gule-rw`, undefined, as(login));
      await issue(login);
      await client.send('POST', '/v1/auth/token/revoke-self', {}, as(login));
    },
  };
}
