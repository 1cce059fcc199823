/** Two pods of one template, as a ReplicaSet makes them: each has a user of its own. */
import { ok } from 'node:assert/strict';
import { credentialsIn, logIn } from '../login.ts';
import { create, type Manifest, readExample } from '../pods.ts';
import { type Demo, type Step, timed } from '../step.ts';

export const replicas: Step = {
  title: 'Two replicas of one template, two users',
  async run(demo) {
    const pod = await readExample('classic.yaml', demo);
    const { name: _, ...metadata } = pod.metadata;
    const template = { ...pod, metadata: { ...metadata, generateName: 'replica-' } };
    const first = await replicaOf(template, demo);
    const second = await replicaOf(template, demo);
    ok(first !== second, `both replicas have the database user ${first}`);
  },
};

/** @returns the database user that it was given. */
async function replicaOf(template: Manifest, demo: Demo): Promise<string> {
  const { value: pod, ms } = await timed(() => create(template, demo));
  demo.narrator.did(`pod ${pod.name} created`, ms);
  const credentials = credentialsIn(pod, { user: 'DB_USER', password: 'DB_PASSWORD' }, demo);
  await logIn(credentials, 'DB_USER and DB_PASSWORD', demo);
  demo.pods.push({ ...pod, users: [credentials.user] });
  return credentials.user;
}
