/**
 * A stub of the ingress' gateway (Kourier's is an Envoy, which no registry here has): ends TLS on the address of its
 * Kubernetes Service and sends each host, as a DomainMapping names it, on to its function.
 */
import { createServer } from 'node:https';
import { followTlsFiles, readTlsFiles, type TlsFiles } from '../../../shared/http/tls-files.ts';
import { forward } from './forward.ts';

export type GatewayOptions = {
  address: string;
  port: number;
  /** Read again when they change. */
  tls: TlsFiles;
  /** Where the requests for a host go. */
  hosts: ReadonlyMap<string, string>;
};

export const startGateway = async ({ address, port, tls, hosts }: GatewayOptions): Promise<void> => {
  const server = createServer(readTlsFiles(tls), (incoming, outgoing) => {
    const [host = ''] = (incoming.headers.host ?? '').split(':');
    const target = hosts.get(host);
    if (target === undefined) {
      outgoing.writeHead(404).end();
      return;
    }
    forward(incoming, outgoing, { to: target, headers: { 'x-forwarded-proto': 'https' } });
  });
  followTlsFiles(server, tls);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  server.unref();
};
