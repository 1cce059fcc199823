/** The one container of a pod template of ours: how it is started, and which files it finds. */
import * as v from 'valibot';

const container = v.object({
  name: v.string(),
  image: v.string(),
  args: v.array(v.string()),
  env: v.array(v.object({ name: v.string(), value: v.string() })),
  readinessProbe: v.optional(v.object({ httpGet: v.object({ path: v.string() }) })),
  livenessProbe: v.optional(v.object({ httpGet: v.object({ path: v.string() }) })),
  volumeMounts: v.array(
    v.object({ name: v.string(), mountPath: v.string(), subPath: v.optional(v.string()) }),
  ),
});

const volume = v.object({
  name: v.string(),
  configMap: v.optional(v.object({ name: v.string() })),
  secret: v.optional(v.object({ secretName: v.string() })),
  projected: v.optional(
    v.object({
      sources: v.tuple([
        v.object({
          serviceAccountToken: v.object({
            path: v.string(),
            audience: v.string(),
            expirationSeconds: v.number(),
          }),
        }),
      ]),
    }),
  ),
});

export const podSpec = v.object({
  serviceAccountName: v.string(),
  containers: v.tuple([container]),
  volumes: v.array(volume),
});

/** What stands at a path in the container. */
export type Mount =
  | { kind: 'config-map'; path: string; name: string }
  | { kind: 'secret'; path: string; name: string }
  | { kind: 'token'; path: string; audience: string; expirationSeconds: number };

const mountsOf = ({ containers: [{ volumeMounts }], volumes }: v.InferOutput<typeof podSpec>): Mount[] =>
  volumeMounts.map(({ name, mountPath }) => {
    const found = volumes.find((one) => one.name === name);
    if (found?.configMap) return { kind: 'config-map', path: mountPath, name: found.configMap.name };
    if (found?.secret) return { kind: 'secret', path: mountPath, name: found.secret.secretName };
    const token = found?.projected?.sources[0].serviceAccountToken;
    if (token === undefined) throw new Error(`no volume "${name}" of a kind that is known`);
    const { path, audience, expirationSeconds } = token;
    return { kind: 'token', path: `${mountPath}/${path}`, audience, expirationSeconds };
  });

export const containerOf = (spec: v.InferOutput<typeof podSpec>) => {
  const { image, args, env, readinessProbe, livenessProbe } = spec.containers[0];
  return {
    serviceAccount: spec.serviceAccountName,
    image,
    args,
    env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
    readinessProbe: readinessProbe?.httpGet,
    livenessProbe: livenessProbe?.httpGet,
    mounts: mountsOf(spec),
  };
};
