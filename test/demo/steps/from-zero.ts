/** Nothing of ours runs: the pod waits for an instance of the admission function to start. */
import { ok } from 'node:assert/strict';
import { credentialsIn, logIn } from '../login.ts';
import { create, readExample } from '../pods.ts';
import { type Step, timed } from '../step.ts';

export const fromZero: Step = {
  title: 'The admission function is scaled to zero: a pod that comes waits for it to start',
  async run(demo) {
    const { stack, narrator, pods } = demo;
    const manifest = await readExample('classic.yaml', demo);
    await stack.control.scaleToZero('admission');
    const before = await stack.control.starts('admission');
    const named = { ...manifest, metadata: { ...manifest.metadata, name: 'first-of-the-day' } };
    const { value: pod, ms } = await timed(() => create(named, demo));
    ok((await stack.control.starts('admission')) === before + 1, 'no instance was started for it');
    narrator.did('pod first-of-the-day created, an instance started for it', ms);
    const credentials = credentialsIn(pod, { user: 'DB_USER', password: 'DB_PASSWORD' }, demo);
    await logIn(credentials, 'DB_USER and DB_PASSWORD', demo);
    pods.push({ ...pod, users: [credentials.user] });
  },
};
