/**
 * Renews a lease (https://developer.hashicorp.com/vault/api-docs/system/leases#renew-lease) and the periodic token
 * above it (https://developer.hashicorp.com/vault/api-docs/auth/token#renew-a-token).
 */
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { seconds } from '../numbers.ts';
import { checked } from './answer.ts';
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import type { Work } from './requests.ts';
import type { Session } from './session.ts';
import { actOnToken, type TokenReference } from './token-reference.ts';

/** Vault no longer knows the lease or the token: it was revoked, or it expired. */
export class GrantLost extends InjectorError {
  constructor(what: 'lease' | 'token' | 'record', cause?: unknown) {
    super('grant_lost', `its ${what} is gone from Vault: it expired or was revoked by somebody else`, {
      cause,
    });
    this.name = 'GrantLost';
  }
}

export interface Renewals {
  /**
   * @param incrementSeconds requested lifetime from now; absent: the role's default.
   * @returns the actual lifetime in seconds: shorter than requested if Vault cannot extend it further.
   * @throws GrantLost, VaultError
   */
  renewLease(leaseId: string, work: Work, incrementSeconds?: number): Promise<number>;
  /** @throws GrantLost, VaultError */
  renewToken(token: TokenReference, work: Work): Promise<RenewedToken>;
}

interface RenewedToken {
  /** Current lifetime: the token's period. */
  readonly seconds: number;
  /** The token's accessor; empty if Vault does not return it. */
  readonly accessor: string;
}

const leaseAnswer = (leaseId: string) => v.object({ lease_id: v.literal(leaseId), lease_duration: seconds });
const TokenAnswer = v.object({
  auth: v.object({ lease_duration: seconds, accessor: v.optional(v.string(), '') }),
});
const LOST =
  /lease not found|invalid lease|lease expired|token not found|bad token|invalid token|invalid accessor/i;

export function createRenewals(session: Pick<Session, 'send'>): Renewals {
  async function unlessLost(what: 'lease' | 'token', renewal: Promise<unknown>) {
    try {
      return await renewal;
    } catch (error) {
      const lost =
        error instanceof VaultError && [400, 404].includes(error.status) && LOST.test(error.detail);
      throw lost ? new GrantLost(what, error) : error;
    }
  }

  return {
    async renewLease(leaseId, work, incrementSeconds) {
      const body = { lease_id: leaseId, ...(incrementSeconds && { increment: incrementSeconds }) };
      const operation = 'renew a lease';
      const path = vaultPath('sys/leases/renew');
      const renewal = session.send({ operation, method: 'POST', path, body, work });
      return checked(leaseAnswer(leaseId), operation, await unlessLost('lease', renewal)).lease_duration;
    },
    async renewToken(token, work) {
      const answer = await unlessLost('token', actOnToken(session, 'renew', token, work));
      const { lease_duration: seconds, accessor } = checked(TokenAnswer, 'renew a token', answer).auth;
      return { seconds, accessor };
    },
  };
}
