/**
 * The body posted to the init container, as kubernetes-vault's service writes it, plus Vault's namespace if there is
 * one.
 */
import * as v from 'valibot';
import { InjectorError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/json.ts';
import { printable, Secret } from '../../shared/secret.ts';

/** A wrapped secret_id, and the Vault it belongs to. */
export interface Post {
  readonly wrapping: Secret;
  readonly vaultAddress: string;
  readonly vaultNamespace: string | undefined;
  /** PEM; absent: the authorities that this machine trusts. */
  readonly vaultCa: string | undefined;
}

const nonEmpty = v.pipe(v.string(), v.nonEmpty(), v.maxLength(4_096));
// Longer than any sensible wrapping lifetime.
const LONGEST_TTL_SECONDS = 366 * 86_400;
const Body = v.object({
  token: v.pipe(nonEmpty, v.regex(/^[\w.-]+$/)),
  creationTime: v.pipe(nonEmpty, v.isoTimestamp()),
  ttl: v.pipe(v.number(), v.minValue(1), v.maxValue(LONGEST_TTL_SECONDS)),
  vaultAddr: v.pipe(nonEmpty, v.url(), v.regex(/^https?:\/\//)),
  vaultCAs: v.optional(v.nullable(v.pipe(v.string(), v.base64())), ''),
  vaultNamespace: v.optional(v.pipe(nonEmpty, v.regex(/^[\w./-]+$/))),
});

/**
 * Does not compare the token's age with this machine's clock, which may be wrong: Vault says whether it is still
 * valid.
 *
 * @param vaultAddress the only accepted address; absent: any.
 * @throws InjectorError `request_invalid` that says what is wrong, and quotes nothing secret.
 */
export function readPost(body: Buffer, vaultAddress: string | undefined): Post {
  const parsed = v.safeParse(Body, parseJson(body), { abortPipeEarly: true });
  if (!parsed.success) {
    const faulty = parsed.issues.map((issue) => v.getDotPath(issue) ?? 'the whole').join(', ');
    throw invalid(`expected token, creationTime, ttl, vaultAddr and vaultCAs; wrong or missing: ${faulty}`);
  }
  const { token, vaultAddr, vaultCAs, vaultNamespace } = parsed.output;
  if (vaultAddress !== undefined && bare(vaultAddr) !== bare(vaultAddress))
    throw invalid(`the token is for Vault at ${printable(vaultAddr)}, which is not VAULT_ADDR`);
  const ca = Buffer.from(vaultCAs ?? '', 'base64').toString('utf8');
  return {
    wrapping: new Secret(token),
    vaultAddress: bare(vaultAddr),
    vaultNamespace,
    vaultCa: ca === '' ? undefined : ca,
  };
}

function bare(url: string): string {
  let end = url.length;
  while (url[end - 1] === '/') end -= 1;
  return url.slice(0, end);
}

function invalid(message: string): InjectorError {
  return new InjectorError('request_invalid', message);
}
