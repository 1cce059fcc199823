/** What a start consists of, in the order in which people read it. Some run beside one another. */
export const stepNames = [
  'program bao',
  'program etcd',
  'program kube-apiserver',
  'program kubectl',
  'program isolate',
  'program queue-proxy',
  'program eventing-crds.yaml',
  'program serving-crds.yaml',
  'program eventing-config.yaml',
  'program apiserver_receive_adapter',
  'program broker-ingress',
  'program broker-filter',
  'program channel-dispatcher',
  'PostgreSQL',
  'OpenBao',
  'database engine and KV',
  'Kubernetes API server',
  'namespaces and accounts',
  'manifests',
  'function bundles',
  'Kubernetes auth in Vault',
  'webhook',
  'functions',
  'broker',
  'event source',
] as const;

export type StepName = (typeof stepNames)[number];

type ProgressEvent = { step: StepName; state: 'working' | 'done'; detail?: string | undefined };

export type OnProgress = (event: ProgressEvent) => void;
export type Report = (detail: string) => void;

/** Runs `work` as a step that people see begin, go on and end. */
export const step = async <T>(
  onProgress: OnProgress,
  name: StepName,
  work: (report: Report) => Promise<T>,
): Promise<T> => {
  onProgress({ step: name, state: 'working' });
  const result = await work((detail) => onProgress({ step: name, state: 'working', detail }));
  onProgress({ step: name, state: 'done' });
  return result;
};
