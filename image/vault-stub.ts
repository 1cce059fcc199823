/** A STUB of Vault that answers an admission's requests at once: it takes Vault's own time out of a cold start. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

const ANSWERS: readonly (readonly [RegExp, object])[] = [
  [/\/login$/, { auth: { client_token: 'stub', accessor: 'stub', lease_duration: 3600, renewable: true } }],
  [
    /\/role\//,
    {
      data: {
        bound_service_account_names: ['*'],
        bound_service_account_namespaces: ['*'],
        token_policies: ['gule-rw'],
      },
    },
  ],
  [
    /\/create-orphan$/,
    {
      auth: {
        client_token: 'stub-orphan',
        accessor: 'stub-accessor',
        lease_duration: 2_764_800,
        renewable: true,
      },
    },
  ],
  [
    /\/creds\//,
    { lease_id: 'creds/1', lease_duration: 3600, data: { username: 'stub-user', password: 'stub-password' } },
  ],
];

export interface VaultStub {
  readonly address: string;
  /** Resolves when the next request arrives. */
  requested(): Promise<void>;
  close(): void;
}

export async function startVaultStub(): Promise<VaultStub> {
  let arrived = () => {};
  const server: Server = createServer((request, response) => {
    arrived();
    const [, answer] = ANSWERS.find(([path]) => path.test(request.url ?? '')) ?? [];
    request
      .resume()
      .on('end', () =>
        response.end(JSON.stringify({ request_id: 'stub', ...(answer ?? { data: { version: 1 } }) })),
      );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return {
    address: `http://127.0.0.1:${address.port}`,
    requested: () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
    close: () => server.close(),
  };
}
