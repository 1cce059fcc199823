import { stringify } from 'yaml';
import type { KeyPair } from '../certificates.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

type Identity = KeyPair | { tokenFile: string };

/**
 * Uses a client certificate, or a token in a file that is read again and again.
 *
 * @param namespace that a pod with this identity runs in.
 */
export const kubeconfigOf = (url: string, ca: string, identity: Identity, namespace?: string): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'stack', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: 'user',
        user:
          'tokenFile' in identity
            ? // The second name is the one that @kubernetes/client-node knows.
              { tokenFile: identity.tokenFile, 'token-file': identity.tokenFile }
            : {
                'client-certificate-data': base64(identity.certificate),
                'client-key-data': base64(identity.key),
              },
      },
    ],
    contexts: [
      { name: 'stack', context: { cluster: 'stack', user: 'user', ...(namespace && { namespace }) } },
    ],
    'current-context': 'stack',
  });
