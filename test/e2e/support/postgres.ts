/** PostgreSQL, as an application meets it. */
import * as v from 'valibot';
import { query } from '../../stack/postgres.ts';
import { stack } from './stack.ts';

const Rows = v.tuple([v.object({ session_user: v.string(), current_user: v.string() })]);

/** Logs in with a URI, whose host and user info are the application's own. */
export async function whoAmI(uri: string): Promise<{ loggedInAs: string; actingAs: string }> {
  const [row] = v.parse(Rows, await query(uri, 'SELECT session_user, current_user'));
  return { loggedInAs: row.session_user, actingAs: row.current_user };
}

/** URL of the stack's server, without user info, as in `template` annotations. */
export const databaseTemplate = `postgres://@${new URL(stack.description.databaseUrl).host}/postgres`;

/** @param server where it is not that of the stack that all share. */
export function databaseUri(user: string, password: string, server = stack.description.databaseUrl): string {
  const url = new URL(server);
  url.username = encodeURIComponent(user);
  url.password = encodeURIComponent(password);
  return url.href;
}
