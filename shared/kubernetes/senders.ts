/**
 * Who sends an event: Knative's senders show an OIDC token of their service account, issued by the API server for the
 * audience of the receiver (https://knative.dev/docs/eventing/features/sender-identity/). An EventPolicy does not cover
 * a Knative Service, so the function checks the token itself.
 */
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from 'jose';
import * as v from 'valibot';
import type { Clock, Deadline } from '../deadline.ts';
import { InjectorError } from '../errors.ts';
import { createSingleFlight } from '../single-flight.ts';
import { checked, type KubernetesApi } from './api.ts';

export interface Senders {
  /**
   * @param authorization the request's header of that name.
   * @throws InjectorError `sender_unknown` unless the token belongs to an allowed sender; KubernetesError if the
   * cluster's keys cannot be read.
   */
  check(authorization: string | undefined, deadline: Deadline): Promise<void>;
}

export interface SenderOptions {
  readonly audience: string;
  /** `sub`s of their tokens: `system:serviceaccount:<namespace>:<name>`. */
  readonly subjects: readonly string[];
}

const Discovery = v.object({ issuer: v.pipe(v.string(), v.nonEmpty()) });
const KeySet = v.object({ keys: v.array(v.looseObject({ kty: v.string() })) });
// The algorithms that API servers sign with.
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];
const CLOCK_TOLERANCE_SECONDS = 30;
// An unknown key id may be a new key, or just anything that a sender wrote into its token: limits how often keys are read.
const READ_AGAIN_AFTER_MS = 10_000;
// How long a key stays valid at most after the cluster has dropped it.
const KEPT_FOR_MS = 3_600_000;

interface Issuer {
  readonly name: string;
  readonly keys: JWTVerifyGetKey;
  readonly readAt: number;
}

export function createSenders(api: KubernetesApi, options: SenderOptions, clock: Clock): Senders {
  let known: Issuer | undefined;
  const reading = createSingleFlight<Issuer>();

  async function read(deadline: Deadline): Promise<Issuer> {
    const { createLocalJWKSet } = await import('jose');
    const get = (path: string, accept: string) => api.send({ method: 'GET', path, accept, deadline });
    const [discovery, keySet] = await Promise.all([
      get('/.well-known/openid-configuration', 'application/json'),
      // The only type that the API server answers with.
      get('/openid/v1/jwks', 'application/jwk-set+json'),
    ]);
    const jwks: JSONWebKeySet = checked(KeySet, keySet);
    return { name: checked(Discovery, discovery).issuer, keys: createLocalJWKSet(jwks), readAt: clock() };
  }

  /** Concurrent senders share one read. */
  function readAgain(deadline: Deadline): Promise<Issuer> {
    return reading.run(async () => {
      known = await read(deadline);
      return known;
    });
  }

  async function verify(token: string, deadline: Deadline): Promise<JWTPayload> {
    const { errors, jwtVerify } = await import('jose');
    const verifyBy = async ({ name, keys }: Issuer) => {
      const { payload } = await jwtVerify(token, keys, {
        issuer: name,
        audience: options.audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'sub'],
      });
      return payload;
    };
    const age = known ? clock() - known.readAt : Number.POSITIVE_INFINITY;
    const issuer = known && age < KEPT_FOR_MS ? known : await readAgain(deadline);
    return verifyBy(issuer).catch(async (error: unknown) => {
      const isOld = clock() - issuer.readAt > READ_AGAIN_AFTER_MS;
      if (!(isOld && error instanceof errors.JWKSNoMatchingKey)) throw unknown(error);
      const latest = await readAgain(deadline);
      return verifyBy(latest).catch((again: unknown) => {
        throw unknown(again);
      });
    });
  }

  return {
    async check(authorization, deadline) {
      const [, token] = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '') ?? [];
      if (token === undefined) throw unknown('no bearer token');
      const { sub } = await verify(token, deadline);
      if (sub === undefined || !options.subjects.includes(sub)) throw unknown('another subject');
    },
  };
}

/** The caller does not learn what was wrong with the token; the log has it. */
function unknown(cause: unknown): InjectorError {
  return new InjectorError('sender_unknown', 'the sender of the event is not one that may send it', {
    cause,
  });
}
