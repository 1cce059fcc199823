/** The functions as Knative runs them: each behind an activator and a queue-proxy, admission behind a gateway. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Authority } from '../certificates.ts';
import type { FunctionSettings } from '../function.ts';
import { findOrInstall } from '../install/index.ts';
import type { ControlPlane } from '../kubernetes/control-plane.ts';
import { type ClientConfig, caBundleOf, pointWebhook } from '../kubernetes/webhook.ts';
import type { KnativeService, Manifests } from '../manifests.ts';
import { freePort } from '../process/ports.ts';
import type { Processes } from '../process/processes.ts';
import { type Activator, startActivator } from './activator.ts';
import { claimClusterIp } from './cluster-ip.ts';
import { startGateway } from './gateway.ts';
import { startInstance } from './instance.ts';

/** A test that wants the approle function starts one for its own pods. */
type FunctionName = Exclude<KnativeService['name'], 'approle'>;
export type Activators = Readonly<Record<FunctionName, Activator>>;

export type KnativeOptions = {
  settings: FunctionSettings;
  manifests: Manifests;
  cluster: ControlPlane;
  authority: Authority;
  idleMs: number;
};

// Names in the manifests' Certificate, DomainMapping and webhook for Kourier.
const gatewayService = { namespace: 'kourier-system', name: 'kourier' };
const gatewayHost = `${gatewayService.name}.${gatewayService.namespace}.svc`;

/** Whether this user may make network namespaces on this machine. */
export const canIsolate = async (): Promise<boolean> => {
  const { exitCode } = await execa(await findOrInstall('isolate', () => {}), ['--', 'true'], {
    reject: false,
  });
  return exitCode === 0;
};

/** @param queueProxy false where it cannot run, see canIsolate. */
export const startActivators = async (
  processes: Processes,
  { settings, manifests, idleMs }: KnativeOptions,
  queueProxy: boolean,
): Promise<Activators> => {
  const activate = (name: FunctionName): Promise<Activator> => {
    const service = manifests.knativeService(name);
    return startActivator({
      start: (number) => startInstance(processes, settings, { service, number, queueProxy }),
      idleMs,
      onFailure: (error) => console.error(`${name}:`, error instanceof Error ? error.message : error),
    });
  };
  const [admission, revocation, deadLetters] = await Promise.all([
    activate('admission'),
    activate('revocation'),
    activate('dead-letters'),
  ]);
  return { admission, revocation, 'dead-letters': deadLetters };
};

/**
 * The API server's way to the admission function, as the manifests describe it: the gateway's Kubernetes Service, by its
 * ClusterIP. Where this user may not add an address to the machine, a plain URL.
 */
export const openGateway = async (
  options: KnativeOptions,
  admission: Activator,
): Promise<{ url: string; release(): void }> => {
  const { settings, cluster, authority } = options;
  const tls = {
    certFile: join(settings.folder, 'gateway.crt'),
    keyFile: join(settings.folder, 'gateway.key'),
  };
  const clusterIp = await claimClusterIp();
  const addresses = clusterIp === undefined ? [] : [clusterIp.address];
  const leaf = await authority.issue({ commonName: gatewayHost, hosts: [gatewayHost], addresses });
  await writeFile(tls.certFile, leaf.certificate);
  await writeFile(tls.keyFile, leaf.key, { mode: 0o600 });
  if (clusterIp === undefined) {
    const port = await freePort();
    await startGateway({ address: '127.0.0.1', port, tls, hosts: new Map([['127.0.0.1', admission.url]]) });
    return { url: `https://127.0.0.1:${port}`, release: () => {} };
  }
  const { address, release } = clusterIp;
  const hosts = new Map([gatewayHost, address].map((host) => [host, admission.url]));
  await startGateway({ address, port: 443, tls, hosts });
  const { namespace, name } = gatewayService;
  await cluster.admin.apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { clusterIP: address, ports: [{ name: 'https', port: 443, targetPort: 8443 }] },
  });
  return { url: `https://${address}`, release };
};

/** Has the API server ask there: with the CA that cainjector would put in, and the path that the installation made. */
export const openWebhook = async (
  { settings, cluster, authority }: KnativeOptions,
  url: string,
): Promise<ClientConfig> => {
  const caBundle = caBundleOf(authority.certificate);
  const viaService = !url.startsWith('https://127.0.0.1');
  const clientConfig = viaService
    ? { service: { ...gatewayService, port: 443, path: settings.webhookPath }, caBundle }
    : { url: `${url}${settings.webhookPath}`, caBundle };
  await pointWebhook(cluster.admin, clientConfig);
  return clientConfig;
};
