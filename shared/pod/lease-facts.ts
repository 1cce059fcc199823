/** What templates may show of a lease, for real credentials and for a prediction. */
import type { DatabaseRequest } from '../annotations.ts';
import { Secret } from '../secret.ts';
import type { Credentials } from '../vault/grants.ts';
import type { LeaseFacts } from './template.ts';

/** @param now milliseconds since 1970. */
export function factsOf(request: DatabaseRequest, credentials: Credentials, now: number): LeaseFacts {
  const { userName, password, leaseId, leaseTtlSeconds } = credentials;
  return {
    user: userName,
    password,
    lease_id: leaseId,
    lease_end: new Date(now + leaseTtlSeconds * 1_000).toISOString(),
    lease_seconds: String(leaseTtlSeconds),
    database: request.database,
    mount: request.mount,
    role: request.role,
  };
}

/** For a dry run: nothing was issued. */
export function exampleFacts(request: DatabaseRequest): LeaseFacts {
  const { mount, role } = request;
  const leaseId = `${mount}/creds/${role}/dry-run`;
  const example = {
    userName: 'dry-run-user',
    password: new Secret('dry-run-password'),
    leaseId,
    leaseTtlSeconds: 0,
  };
  return factsOf(request, example, 0);
}
