import type { LeaseFacts } from '../../../../shared/pod/template.ts';
import { Secret } from '../../../../shared/secret.ts';

/** What templates may show, for tests. */
export function leaseFacts({ user = 'user', password = 'password' } = {}): LeaseFacts {
  return {
    user,
    password: new Secret(password),
    lease_id: 'databases/creds/rw/abc',
    lease_end: '2030-01-01T00:00:00.000Z',
    lease_seconds: '3600',
    database: 'orders',
    mount: 'databases',
    role: 'rw',
  };
}
