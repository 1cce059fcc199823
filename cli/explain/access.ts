/** Which pod may assume which role: asks Vault the same way as the admission function. */
import type { DatabaseRequest } from '../../shared/annotations.ts';
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { AccessDenied, type Authorization } from '../../shared/vault/authorization.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import type { Explained } from './explain.ts';

export interface Access {
  readonly request: DatabaseRequest;
  readonly verdict: 'allowed' | 'denied' | 'unknown';
  readonly said: string;
}

const ASK_WITHIN_MS = 5_000;

export async function accessOf(
  { requests, namespace, serviceAccount }: Explained,
  authorization: Authorization | undefined,
  whyNot: string,
): Promise<Access[]> {
  return Promise.all(
    requests.map(async (request): Promise<Access> => {
      if (!authorization) return { request, verdict: 'unknown', said: whyNot };
      using deadline = deadlineIn(ASK_WITHIN_MS, monotonicClock);
      const { authRole, role } = request;
      try {
        const asked = { authRole, role, namespace, serviceAccount };
        const policy = await authorization.authorize(asked, beginWork(deadline));
        return { request, verdict: 'allowed', said: `may be assumed, with policy ${policy}` };
      } catch (error) {
        if (error instanceof AccessDenied) return { request, verdict: 'denied', said: error.message };
        if (error instanceof InjectorError)
          return { request, verdict: 'unknown', said: `Vault could not be asked: ${error.message}` };
        throw error;
      }
    }),
  );
}
