/** The certificate that the webhook's endpoint shows to the API server: it must be signed by the webhook's caBundle. */
import { isIP } from 'node:net';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import * as v from 'valibot';
import { readObject } from '../../shared/kubernetes/objects.ts';
import type { Facts } from './facts.ts';
import type { ClientConfig } from './webhook.ts';

type Shown =
  | { readonly state: 'trusted'; readonly place: string; readonly validUntil: string }
  | { readonly state: 'refused'; readonly place: string; readonly reason: string }
  | { readonly state: 'unreachable'; readonly place: string; readonly reason: string };

interface Target {
  readonly place: string;
  readonly host: string;
  readonly port: number;
  /** The name that the certificate has to be valid for. */
  readonly name: string;
}

const Service = v.object({ spec: v.object({ clusterIP: v.optional(v.string(), '') }) });
const WITHIN_MS = 3_000;

export async function showCertificate(clientConfig: ClientConfig, facts: Facts): Promise<Shown> {
  const target = await targetOf(clientConfig, facts);
  if (target.host === '')
    return { state: 'unreachable', place: target.place, reason: 'there is no such Service' };
  const ca = Buffer.from(clientConfig.caBundle, 'base64').toString('utf8');
  return handshake(target, ca);
}

async function targetOf({ url, service }: ClientConfig, { api, deadline }: Facts): Promise<Target> {
  if (service) {
    const { namespace, name, port } = service;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services/${encodeURIComponent(name)}`;
    const host = (await readObject(api, path, Service, deadline()))?.spec.clusterIP ?? '';
    return { place: `Service ${name} in ${namespace}`, host, port, name: `${name}.${namespace}.svc` };
  }
  const { hostname, port, host } = new URL(url ?? '');
  return { place: host, host: hostname, port: Number(port || 443), name: hostname };
}

function handshake({ place, host, port, name }: Target, ca: string): Promise<Shown> {
  return new Promise((resolve) => {
    // Inspected, not trusted: nothing is sent.
    const options = { host, port, ca, rejectUnauthorized: false, ...(!isIP(name) && { servername: name }) };
    const socket = connect(options, () => {
      const certificate = socket.getPeerCertificate();
      resolve({ place, ...judged(socket, certificate) });
      socket.destroy();
    });
    socket.setTimeout(WITHIN_MS, () => socket.destroy(new Error('no answer in time')));
    socket.on('error', (error) => {
      const reason = 'code' in error ? String(error.code) : error.message;
      resolve({ state: 'unreachable', place, reason });
    });
  });
}

function judged(socket: TLSSocket, { valid_to: end }: PeerCertificate) {
  if (socket.authorized)
    return { state: 'trusted' as const, validUntil: new Date(end).toISOString().slice(0, 10) };
  // Node's types call it an Error, but it is the error's code.
  return { state: 'refused' as const, reason: String(socket.authorizationError) };
}
