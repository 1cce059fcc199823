import { readFile } from 'node:fs/promises';
import { type HttpAnswer, request, requestJson } from '../http.ts';

export type VaultConnection = {
  address: string;
  token?: string;
  namespace?: string | undefined;
  /** Read at every request: it may be replaced while Vault runs. */
  caFile?: string | undefined;
};

type Method = 'GET' | 'LIST' | 'POST' | 'PUT' | 'DELETE';

/** Vault's HTTP API, with `path` as its documentation has it: `sys/health`, `auth/token/create`. */
export type VaultApi = {
  /** The answer's JSON (undefined if it has none), or an error with status and message. */
  call(method: Method, path: string, body?: unknown): Promise<unknown>;
  /** The answer, whatever its status. */
  ask(method: Method, path: string, body?: unknown): Promise<HttpAnswer>;
};

export const createVaultApi = (connection: VaultConnection): VaultApi => {
  const { address, token, namespace, caFile } = connection;
  const headers = {
    ...(token === undefined ? {} : { 'X-Vault-Token': token }),
    ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace }),
  };
  const options = async (method: Method, body: unknown) => ({
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
  });
  return {
    call: async (method, path, body) => requestJson(`${address}/v1/${path}`, await options(method, body)),
    ask: async (method, path, body) => request(`${address}/v1/${path}`, await options(method, body)),
  };
};
