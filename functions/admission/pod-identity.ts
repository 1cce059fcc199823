import type { DatabaseRequest } from '../../shared/annotations.ts';

/** The pod, as far as it is known before it exists. */
export interface PodIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Empty for a pod with `generateName`. */
  readonly name: string;
  readonly generateName: string;
  readonly nodeName: string;
}

export interface AuthorizedRequest {
  readonly request: DatabaseRequest;
  readonly policy: string;
}
