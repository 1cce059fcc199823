/**
 * What becomes of a deletion that failed: `again`, since it may go well the next time (503, and the Broker sends it again), or
 * `sweep`, since no retry will mend it. The renewal job finds the record at its next run either way.
 */
import type { ErrorCode } from '../../shared/errors.ts';

export const AFTER_FAILURE = {
  vault_timeout: 'again',
  too_busy: 'again',
  vault_unreachable: 'again',
  vault_tls: 'again',
  vault_unavailable: 'again',
  vault_rate_limited: 'again',
  kubernetes_timeout: 'again',
  kubernetes_unavailable: 'again',
  // A policy, or a role of the API server's: somebody has to change it, in hours rather than seconds.
  vault_denied: 'sweep',
  kubernetes_denied: 'sweep',
  // An answer to just this request: the next one has the same.
  vault_rejected: 'sweep',
  kubernetes_rejected: 'sweep',
  record_unreadable: 'sweep',
  record_deleted: 'sweep',
  // Not Vault's, or a proxy's page in its place.
  vault_answer_invalid: 'sweep',
  grant_lost: 'sweep',
  internal: 'sweep',
  // Of other functions and jobs, or of the request as such, which routes.ts answers.
  configuration_invalid: 'sweep',
  request_invalid: 'sweep',
  request_not_found: 'sweep',
  request_method: 'sweep',
  request_too_large: 'sweep',
  request_encoding: 'sweep',
  sender_unknown: 'sweep',
  annotations_invalid: 'sweep',
  service_account_denied: 'sweep',
  secret_refused: 'sweep',
  too_many_grants: 'sweep',
  deadline_too_short: 'again',
  request_aborted: 'again',
  sink_unavailable: 'again',
  init_container_unavailable: 'again',
  secret_id_missing: 'sweep',
  secret_id_repeated: 'sweep',
  push_failed: 'again',
} as const satisfies Readonly<Record<ErrorCode, 'again' | 'sweep'>>;
