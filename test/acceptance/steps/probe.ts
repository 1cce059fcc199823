/** A pod whose admission is all that is asked for: it never runs. */
import { apply, kubectl, type World, waitFor } from '../world.ts';

/** @throws where a pod is not created, or comes without its credentials. */
export async function admitted(world: World, name: string): Promise<void> {
  await apply(world, pod(world, name));
  const uuid = await kubectl(world, 'get', `pod/${name}`, `--namespace=${world.id}`, UUID);
  if (uuid === '') throw new Error(`${name} was created without credentials`);
  await kubectl(world, 'delete', `pod/${name}`, `--namespace=${world.id}`, '--wait=false');
}
const UUID = '--output=jsonpath={.metadata.annotations.db-creds-injector\\.numberly\\.io/uuid}';

/** One that never runs: its admission is all that is asked for. */
const pod = ({ id, clientImage }: World, name: string) => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: ${id}
  labels: { vault-db-injector: 'true' }
  annotations:
    db-creds-injector.numberly.io/cluster: databases
    db-creds-injector.numberly.io/app.role: ${id}
    db-creds-injector.numberly.io/app.auth-role: ${id}
spec:
  serviceAccountName: app
  nodeSelector: { acceptance: nowhere }
  containers: [{ name: app, image: '${clientImage}' }]
`;

/** @returns how long it took until a pod was admitted, in milliseconds. */
export async function admittedAgain(world: World, name: string, withinMs = 240_000): Promise<number> {
  let attempt = 0;
  const tryIt = async () => {
    attempt += 1;
    await admitted(world, `${name}-${attempt}`);
    return true;
  };
  return waitFor('a pod is admitted', tryIt, withinMs);
}
