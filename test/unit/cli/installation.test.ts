/** Configuration and identities, as the manifests' own objects say them. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configFromFile, readInstallation } from '../../../cli/installation.ts';
import { deadlineIn, monotonicClock } from '../../../shared/deadline.ts';
import { type KubernetesApi, KubernetesError } from '../../../shared/kubernetes/api.ts';
import { createAuthority } from '../../stack/certificates.ts';

const NAMESPACE = 'namespaces/vault-injector';
const file = 'knative/base/config.yaml';
const manifests: Readonly<Record<string, unknown>> = {
  [`/api/v1/${NAMESPACE}/configmaps/configuration`]: { data: { 'config.yaml': readFileSync(file, 'utf8') } },
  [`/apis/serving.knative.dev/v1/${NAMESPACE}/services/admission`]: read('knative/serving/admission.yaml'),
  [`/apis/serving.knative.dev/v1/${NAMESPACE}/services/revocation`]: read('knative/serving/revocation.yaml'),
  [`/apis/batch/v1/${NAMESPACE}/cronjobs/renewal`]: read('cronjobs/renewal/cronjob.yaml'),
};

function read(path: string): unknown {
  return parse(readFileSync(path, 'utf8'));
}

function apiWith(objects: Readonly<Record<string, unknown>>): KubernetesApi {
  return {
    async send({ method, path }) {
      const found = objects[path];
      if (method === 'GET' && found !== undefined) return found;
      throw new KubernetesError('kubernetes_rejected', 'not found', 404);
    },
  };
}

const installed = (
  objects: Readonly<Record<string, unknown>>,
  options: Parameters<typeof readInstallation>[1] = {},
  environment: Readonly<Record<string, string>> = {},
) => readInstallation(apiWith(objects), options, environment, deadlineIn(1_000, monotonicClock));

describe('from the cluster', () => {
  test.each(['admission', 'renewal', 'revocation'] as const)('%s', async (process) => {
    const { source, places, config } = await installed(manifests);
    expect(source).toBe('ConfigMap configuration in vault-injector');
    expect(places[process]).toMatchObject({
      account: { namespace: 'vault-injector', name: `vault-db-injector-${process}` },
      audience: 'vault',
    });
    expect(config(process).vault).toMatchObject({
      address: 'https://vault.vault.svc:8200',
      kubeRole: `vault-db-injector-${process}`,
    });
  });

  test("the caller's environment is not the processes'", async () => {
    const { config } = await installed(manifests, {}, { INJECTOR_VAULT_ADDRESS: 'http://mine', PORT: 'x' });
    expect(config('renewal').vault.address).toBe('https://vault.vault.svc:8200');
  });

  test('Vault may have another address from here, and another authority', async () => {
    const options = { vaultAddress: 'https://127.0.0.1:8200', vaultCa: 'ca.crt' };
    const { config } = await installed(manifests, options);
    expect(config('renewal').vault).toMatchObject({ address: 'https://127.0.0.1:8200', caFile: 'ca.crt' });
  });

  test("the variables of Vault's own command are used, and an empty one is none", async () => {
    const environment = { VAULT_ADDR: 'https://127.0.0.1:8200/', VAULT_NAMESPACE: 'team', VAULT_CACERT: '' };
    const { vault } = (await installed(manifests, {}, environment)).config('renewal');
    expect(vault).toMatchObject({ address: 'https://127.0.0.1:8200', namespace: 'team' });
    const { config } = await installed(manifests, { vaultAddress: 'https://other:8200' }, environment);
    expect(config('renewal').vault.address).toBe('https://other:8200');
  });

  test('without Knative the admission function is a Deployment, and another audience is another', async () => {
    const text = readFileSync('knative/overlays/without-knative/admission.yaml', 'utf8');
    const [deployment = ''] = text.replace('audience: vault', 'audience: other').split('\n---\n');
    const { places } = await installed({
      [`/apis/apps/v1/${NAMESPACE}/deployments/admission`]: parse(deployment),
      [`/api/v1/${NAMESPACE}/configmaps/configuration`]:
        manifests[`/api/v1/${NAMESPACE}/configmaps/configuration`],
    });
    expect(places.admission).toMatchObject({ audience: 'other', environment: { PORT: '8443' } });
    expect(places.renewal).toEqual({
      account: { namespace: 'vault-injector', name: 'vault-db-injector-renewal' },
      audience: 'vault',
      environment: undefined,
    });
  });

  test('where nothing is installed, what is to be done is said', async () => {
    await expect(installed({})).rejects.toThrow(
      /no ConfigMap configuration .*npx vault-db-injector install.*--config FILE/,
    );
  });
});

describe('a Vault with a private authority', () => {
  const VAULT_CA = `/api/v1/${NAMESPACE}/configmaps/vault-ca`;
  const environment = {
    CONFIG_FILE: file,
    INJECTOR_VAULT_CA_FILE: '/etc/vault-db-injector/vault-ca/ca.crt',
  };

  async function startVault() {
    const authority = await createAuthority('of Vault');
    const { certificate: cert, key } = await authority.issue({
      commonName: 'vault',
      addresses: ['127.0.0.1'],
    });
    const server = createServer({ cert, key }, (_, response) => {
      const health = { initialized: true, sealed: false, standby: false, version: '1' };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(health));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.unref();
    const { port } = v.parse(v.object({ port: v.number() }), server.address());
    return { address: `https://127.0.0.1:${port}`, certificate: authority.certificate };
  }

  async function askHealth(objects: Readonly<Record<string, unknown>>, address: string) {
    const { vault } = await installed(objects, { vaultAddress: address }, environment);
    const client = vault('renewal');
    using deadline = deadlineIn(2_000, monotonicClock);
    return await client.inspection.health({ deadline, vaultCalls: 0 }).finally(client.close);
  }

  test('is trusted by the ConfigMap of the cluster, where the file is in the pods only', async () => {
    const { address, certificate } = await startVault();
    const objects = { [VAULT_CA]: { data: { 'ca.crt': certificate } } };
    expect(await askHealth(objects, address)).toMatchObject({ sealed: false });
  });

  test('is not, where there is no such ConfigMap, or the caller may not see it', async () => {
    const { address } = await startVault();
    await expect(askHealth({}, address)).rejects.toThrow(/vaultCaFile.*cannot be read/);
  });
});

describe('from a file', () => {
  test("it is the caller's, with the caller's environment", async () => {
    const environment = {
      CONFIG_FILE: file,
      INJECTOR_VAULT_ADDRESS: 'http://127.0.0.1:8200',
      INJECTOR_KUBE_ROLE: 'blue-renewal',
    };
    const { source, config } = await installed({}, {}, environment);
    expect(source).toBe(file);
    expect(config('admission').vault).toMatchObject({
      address: 'http://127.0.0.1:8200',
      kubeRole: 'blue-admission',
    });
    expect(config('renewal').vault.kubeRole).toBe('blue-renewal');
  });

  test('without a role, each process has that of the manifests', () => {
    const config = configFromFile({ config: file }, {}, 'revocation');
    expect(config?.vault.kubeRole).toBe('vault-db-injector-revocation');
  });

  test('none is named', () => expect(configFromFile({}, {}, 'admission')).toBeUndefined());
});
