/** PostgreSQL, as a pod meets it: with nothing but the variables that it was given. */
import { ok } from 'node:assert/strict';
import * as v from 'valibot';
import { query } from '../stack/postgres.ts';
import type { StoredPod } from './pods.ts';
import { type Demo, timed } from './step.ts';

/** The variables that hold a database's credentials. */
export type Variables = { readonly user: string; readonly password: string } | { readonly uri: string };

export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly uri: string;
}

const Rows = v.tuple([v.object({ session_user: v.string(), current_user: v.string() })]);

/** The credentials in a pod's variables; from here on the password is masked wherever it is shown. */
export function credentialsIn(pod: StoredPod, variables: Variables, { stack, narrator }: Demo): Credentials {
  const read = (name: string) => {
    const value = pod.env.get(name) ?? '';
    ok(value !== '', `pod ${pod.name} has no variable ${name}`);
    return value;
  };
  const uri = new URL('uri' in variables ? read(variables.uri) : stack.description.databaseUrl);
  if (!('uri' in variables)) {
    uri.username = encodeURIComponent(read(variables.user));
    uri.password = encodeURIComponent(read(variables.password));
  }
  const password = decodeURIComponent(uri.password);
  narrator.hide(password);
  return { user: decodeURIComponent(uri.username), password, uri: uri.href };
}

/** Logs in and shows who one is then: `session_user` is the user that Vault made, `current_user` whom it acts as. */
export async function logIn({ user, uri }: Credentials, how: string, { narrator }: Demo): Promise<void> {
  const { value, ms } = await timed(() => query(uri, 'SELECT session_user, current_user'));
  const [who] = v.parse(Rows, value);
  ok(who.session_user === user, `PostgreSQL knows the pod as ${who.session_user}, not as ${user}`);
  ok(who.current_user === 'demo-rw', `the pod acts as ${who.current_user}, not as demo-rw`);
  narrator.did(`logged in to PostgreSQL with ${how}`, ms);
  narrator.fact('session_user', who.session_user);
  narrator.fact('current_user', who.current_user);
}
