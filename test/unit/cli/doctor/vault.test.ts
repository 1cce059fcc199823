/** How Vault can be, and not be, at its address. */

import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, describe, expect, test } from 'vitest';
import { vault as vaultCheck } from '../../../../cli/doctor/vault.ts';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import { createVault } from '../../../../shared/vault/index.ts';
import { createAuthority } from '../../../stack/certificates.ts';
import { factsOf } from './facts.ts';

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

const healthy = { initialized: true, sealed: false, standby: false, version: '2.7.2' };

const answering =
  (health: object): RequestListener =>
  (_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(health));
  };

async function listen(server: Server, scheme: string): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = v.parse(v.object({ port: v.number() }), server.address());
  return `${scheme}://127.0.0.1:${port}`;
}

const plain = (health: object) => listen(createPlainServer(answering(health)), 'http');

async function lookAt(address: string, caFile?: string) {
  const facts = factsOf({});
  const config = await facts.config();
  const options = { ...config.vault, address, caFile };
  return vaultCheck({
    ...facts,
    config: async () => ({ ...config, vault: options }),
    vault: async () => createVault(options, monotonicClock, () => {}),
    work: () => ({ deadline: deadlineIn(500, monotonicClock), vaultCalls: 0 }),
  }).look();
}

describe('it answers, and is', () => {
  test.each([
    ['active', {}, 'ok', /: unsealed, active, version 2\.7\.2$/],
    ['a standby', { standby: true }, 'ok', /: unsealed, a standby, which forwards requests/],
    ['sealed', { sealed: true }, 'failed', /: sealed$/],
    ['not initialised', { initialized: false, sealed: true }, 'failed', /: not initialised$/],
  ])('%s', async (_, changes, state, detail) => {
    const verdict = await lookAt(await plain({ ...healthy, ...changes }));
    expect(verdict).toMatchObject({ state, detail: expect.stringMatching(detail) });
  });

  test('something else', async () => {
    expect(await lookAt(await plain({ hello: 'world' }))).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('is not what its API promises'),
    });
  });
});

describe('over TLS', async () => {
  const authority = await createAuthority('of Vault');
  const { certificate: cert, key } = await authority.issue({ commonName: 'vault' });
  const address = await listen(createSecureServer({ cert, key }, answering(healthy)), 'https');
  const folder = mkdtempSync(join(tmpdir(), 'vault-ca-'));
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, authority.certificate);

  test('its authority is known', async () => {
    expect(await lookAt(address, caFile)).toMatchObject({ state: 'ok' });
  });

  test('its authority is not known', async () => {
    expect(await lookAt(address)).toEqual({
      state: 'failed',
      detail: expect.stringContaining("Vault's TLS certificate is not trusted"),
      mend: 'npx vault-db-injector install --vault-ca FILE',
    });
  });

  test('the file with its authority is in the pods only', async () => {
    expect(await lookAt(address, join(folder, 'none.crt'))).toEqual({
      state: 'unknown',
      detail: expect.stringMatching(
        /\(vaultCaFile|vaultCaFile \(.*none\.crt\) cannot be read on this machine$/,
      ),
      mend: expect.stringContaining('--vault-ca vault-ca.crt'),
    });
  });
});

describe('nobody answers', () => {
  test('at an address of everybody', async () => {
    expect(await lookAt('http://127.0.0.1:1')).toMatchObject({
      state: 'failed',
      detail: 'http://127.0.0.1:1: Vault cannot be reached (ECONNREFUSED)',
    });
  });

  test.each([
    ['http://vault.nowhere.svc:8200', 'nowhere', 'vault', '8200', 'http'],
    ['https://vault-active.secrets.svc.cluster.local', 'secrets', 'vault-active', '443', 'https'],
    ['http://bao-0.bao.hidden.svc/', 'hidden', 'bao', '80', 'http'],
  ])(
    "at one of the cluster's own, which says nothing from here: %s",
    async (address, namespace, service, port, scheme) => {
      expect(await lookAt(address)).toMatchObject({
        state: 'unknown',
        mend: `kubectl --namespace ${namespace} port-forward service/${service} 8200:${port}, then --vault-address ${scheme}://127.0.0.1:8200`,
      });
    },
  );
});
