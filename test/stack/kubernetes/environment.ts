/** A container's environment as the kubelet hands it over: with what its Secrets hold. There is no kubelet in the stack. */
import * as v from 'valibot';
import type { KubernetesApi } from './api.ts';

export type Variable = {
  readonly name: string;
  readonly value?: string | undefined;
  readonly valueFrom?: unknown;
};

const Reference = v.object({ secretKeyRef: v.object({ name: v.string(), key: v.string() }) });
const SecretData = v.object({ data: v.record(v.string(), v.string()) });

/** What refers to a Secret that is not there stays as it is. */
export const resolveEnvironment = async <V extends Variable>(
  env: readonly V[],
  namespace: string,
  kubernetes: KubernetesApi,
): Promise<(V | { name: string; value: string })[]> => {
  const read = async (name: string): Promise<Record<string, string>> => {
    const { status, body } = await kubernetes.ask('GET', `/api/v1/namespaces/${namespace}/secrets/${name}`);
    return status === 200 ? v.parse(SecretData, JSON.parse(body)).data : {};
  };
  const secrets = new Map<string, Promise<Record<string, string>>>();
  return Promise.all(
    env.map(async (variable) => {
      const reference = v.safeParse(Reference, variable.valueFrom);
      if (!reference.success) return variable;
      const { name, key } = reference.output.secretKeyRef;
      const reading = secrets.get(name) ?? read(name);
      secrets.set(name, reading);
      const value = (await reading)[key];
      if (value === undefined) return variable;
      return { name: variable.name, value: Buffer.from(value, 'base64').toString() };
    }),
  );
};
