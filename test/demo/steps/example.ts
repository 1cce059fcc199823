/** One of the examples: created, its environment shown as its container has it, and PostgreSQL asked with what stands there. */
import { ok } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { credentialsIn, logIn, type Variables } from '../login.ts';
import { create, readExample } from '../pods.ts';
import { type Step, timed } from '../step.ts';

export interface Example {
  readonly title: string;
  /** Path below `examples/`. */
  readonly file: string;
  /** One entry per database. */
  readonly logins: readonly Variables[];
  /** All that its container has then, in this order. */
  readonly variables: readonly string[];
}

export function example({ title, file, logins, variables }: Example): Step {
  return {
    title: `${title}: examples/${file}`,
    async run(demo) {
      const { narrator, pods } = demo;
      const manifest = await readExample(file, demo);
      const { value: pod, ms } = await timed(() => create(manifest, demo));
      const credentials = logins.map((login) => credentialsIn(pod, login, demo));
      const names = [...pod.env.keys()];
      ok(isDeepStrictEqual(names, variables), `pod ${pod.name} has the variables ${names.join(', ')}`);
      ok(pod.uuids.length === logins.length, `pod ${pod.name} has the uuids ${pod.uuids.join(', ')}`);
      narrator.did(`pod ${pod.name} created; its container has, from a Secret:`, ms);
      for (const [name, value] of pod.env) narrator.fact(name, value);
      for (const [index, login] of logins.entries()) {
        const found = credentials[index];
        if (found)
          await logIn(found, 'uri' in login ? login.uri : `${login.user} and ${login.password}`, demo);
      }
      pods.push({ ...pod, users: credentials.map(({ user }) => user) });
    },
  };
}
