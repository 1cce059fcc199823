/**
 * TLS to PostgreSQL, as psql has it (https://www.postgresql.org/docs/current/libpq-ssl.html): the driver takes every
 * sslmode but `disable` for `verify-full`, and knows nothing of PGSSLROOTCERT.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { Refusal } from '../refusal.ts';

type Ssl = false | ConnectionOptions;

export interface Tls {
  /** One after the other, until the server takes one. */
  readonly ways: readonly [Ssl, ...Ssl[]];
  /** Without what is said of TLS in it. */
  readonly url: string | undefined;
}

type Files = Readonly<Record<'root' | 'cert' | 'key', string | undefined>>;
/** With the driver's own words for it. */
const OF_TLS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl', 'uselibpqcompat', 'sslnegotiation'];
const UNVERIFIED = { rejectUnauthorized: false };

/** @throws Refusal where a file cannot be read, or there is none to go by. */
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
        'sslmode verify-ca needs to know the authority: PGSSLROOTCERT=FILE, or sslrootcert in --database-url',
      );
    case 'verify-full':
      return [verified];
    default:
      throw new Refusal(
        `PGSSLMODE: expected disable, allow, prefer, require, verify-ca or verify-full, found "${sslmode}"`,
      );
  }
}

/** `undefined`: those that everybody trusts. */
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

/** Of the driver's error: whether it is the server's certificate that is not trusted. */
export const isUntrusted = (code: string): boolean => UNTRUSTED.test(code);

export const isWithoutTls = ({ message }: Error): boolean => message.includes('does not support SSL');

/** Whether another way is worth a try: the server has no TLS, or lets nobody in on this one. */
export const isAboutTheWay = (error: unknown): boolean =>
  error instanceof Error && (isWithoutTls(error) || ('code' in error && error.code === '28000'));
