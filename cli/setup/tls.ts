/**
 * TLS to PostgreSQL as in psql (https://www.postgresql.org/docs/current/libpq-ssl.html): the driver treats every
 * sslmode but `disable` as `verify-full`, and ignores PGSSLROOTCERT.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { Refusal } from '../refusal.ts';

type Ssl = false | ConnectionOptions;

export interface Tls {
  /** Tried in order, until the server accepts one. */
  readonly ways: readonly [Ssl, ...Ssl[]];
  /** The URL without its TLS parameters. */
  readonly url: string | undefined;
}

type Files = Readonly<Record<'root' | 'cert' | 'key', string | undefined>>;
/** The driver's own names for them. */
const OF_TLS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl', 'uselibpqcompat', 'sslnegotiation'];
const UNVERIFIED = { rejectUnauthorized: false };

/** @throws Refusal if a file cannot be read, or a required one is missing. */
export function tlsFor(databaseUrl: string | undefined, environment: NodeJS.ProcessEnv): Tls {
  const url = databaseUrl === undefined ? undefined : new URL(databaseUrl);
  const said = (name: string) => url?.searchParams.get(name) || environment[`PG${name.toUpperCase()}`];
  const files = { root: said('sslrootcert'), cert: said('sslcert'), key: said('sslkey') };
  const ways = waysFor(said('sslmode') ?? 'prefer', files);
  for (const name of OF_TLS) url?.searchParams.delete(name);
  return { ways, url: url?.href };
}

function waysFor(sslmode: string, { root, cert, key }: Files): Tls['ways'] {
  if (sslmode === 'disable') return [false];
  const own = {
    ...(cert !== undefined && { cert: read('PGSSLCERT', cert) }),
    ...(key !== undefined && { key: read('PGSSLKEY', key) }),
  };
  const ca = authority(root);
  const verified = { ...own, ...(ca !== undefined && { ca }) };
  const ofAnyName = { ...verified, checkServerIdentity: () => undefined };
  const unverified = { ...own, ...UNVERIFIED };
  switch (sslmode) {
    case 'allow':
      return [false, unverified];
    case 'prefer':
      return [unverified, false];
    case 'require':
      return [ca === undefined ? unverified : ofAnyName];
    case 'verify-ca':
      if (ca !== undefined) return [ofAnyName];
      throw new Refusal(
        'sslmode verify-ca needs the CA certificate: PGSSLROOTCERT=FILE, or sslrootcert in --database-url',
      );
    case 'verify-full':
      return [verified];
    default:
      throw new Refusal(
        `PGSSLMODE: expected disable, allow, prefer, require, verify-ca or verify-full, found "${sslmode}"`,
      );
  }
}

/** `undefined`: the publicly trusted ones. */
function authority(file: string | undefined): string | undefined {
  if (file === 'system') return undefined;
  if (file !== undefined) return read('PGSSLROOTCERT', file);
  try {
    return readFileSync(join(homedir(), '.postgresql/root.crt'), 'utf8');
  } catch {
    return undefined;
  }
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new Refusal(`${name}: ${file} cannot be read`);
  }
}

const UNTRUSTED = /^(?:CERT_|SELF_SIGNED_CERT|DEPTH_ZERO|UNABLE_TO_|ERR_TLS_CERT_ALTNAME|HOSTNAME_MISMATCH)/;

/** Whether the driver's error means that the server's certificate is not trusted. */
export const isUntrusted = (code: string): boolean => UNTRUSTED.test(code);

export const isWithoutTls = ({ message }: Error): boolean => message.includes('does not support SSL');

/** Whether to try the next way: the server has no TLS, or refuses logins with this one. */
export const isAboutTheWay = (error: unknown): boolean =>
  error instanceof Error && (isWithoutTls(error) || ('code' in error && error.code === '28000'));
