/** docs/recovery.md's way to database users that no Vault knows any more. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { query } from '../../stack/postgres.ts';
import { stack } from './stack.ts';

const Rows = v.array(v.object({ user: v.string(), ended: v.boolean() }));
// The template of the stack's engine begins with the role's name.
const OURS = "'^(gule|brief|forgiving)-rw-'";

/** @param known users of the ledger. */
export async function forgottenUsers(known: readonly string[]): Promise<v.InferOutput<typeof Rows>> {
  const page = await readFile('docs/recovery.md', 'utf8');
  const [, statement = ''] = /```sql\n(SELECT rolname AS [\s\S]*?)```/.exec(page) ?? [];
  if (!statement.includes("'^v-'")) throw new Error('docs/recovery.md has no such statement');
  const rows = v.parse(Rows, await query(stack.description.databaseUrl, statement.replace("'^v-'", OURS)));
  return rows.filter(({ user }) => !known.includes(user));
}
