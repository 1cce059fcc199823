/** The path in the webhook's objects, which ends in a secret. */
import * as v from 'valibot';
import type { KubernetesObject } from './objects.ts';

/** The manifests' placeholder: the function refuses it, and it reveals nothing. */
export const NO_SECRET = 'the-path-secret-is-not-set';

const Webhooks = v.tuple([
  v.looseObject({
    clientConfig: v.looseObject({
      url: v.exactOptional(v.string()),
      service: v.exactOptional(v.looseObject({ path: v.exactOptional(v.string()) })),
    }),
  }),
]);

/** @returns the same webhook with another path. */
export function withPath(webhook: KubernetesObject, secret: string): KubernetesObject {
  const [one] = v.parse(Webhooks, webhook['webhooks']);
  const { url, service } = one.clientConfig;
  const clientConfig = {
    ...one.clientConfig,
    ...(service && { service: { ...service, path: `/${secret}` } }),
    ...(url !== undefined && { url: `${new URL(url).origin}/${secret}` }),
  };
  return { ...webhook, webhooks: [{ ...one, clientConfig }] };
}
