import { type HttpAnswer, request, requestJson } from '../http.ts';

export type KubernetesConnection = { url: string; ca: string; certificate: string; key: string };

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** An object to be applied, as a manifest has it. */
export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
};

/**
 * The few calls that setting the stack up needs. The official client takes longer to load than all of them together;
 * tests use it with the stack's kubeconfig.
 */
export type KubernetesApi = {
  /** The answer, whatever its status. */
  ask(method: Method, path: string, body?: unknown): Promise<HttpAnswer>;
  /** The answer's JSON, or an error with status and message. */
  call(method: Method, path: string, body?: unknown): Promise<unknown>;
  /** Creates the object or makes it what the manifest says (server-side apply). */
  apply(manifest: Manifest): Promise<void>;
};

const pathOf = ({ apiVersion, kind, metadata }: Manifest): string => {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${group}${namespace}/${kind.toLowerCase()}s/${metadata.name}`;
};

export const createKubernetesApi = (connection: KubernetesConnection): KubernetesApi => {
  const { url, ca, certificate, key } = connection;
  const options = (method: Method, body: unknown, contentType = 'application/json') => ({
    method,
    ca,
    cert: certificate,
    key,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': contentType } }),
  });
  return {
    ask: (method, path, body) => request(`${url}${path}`, options(method, body)),
    call: (method, path, body) => requestJson(`${url}${path}`, options(method, body)),
    apply: async (manifest) => {
      const target = `${url}${pathOf(manifest)}?fieldManager=stack&force=true`;
      // JSON is YAML, and the API server takes no other type for an apply.
      await requestJson(target, options('PATCH', manifest, 'application/apply-patch+yaml'));
    },
  };
};
