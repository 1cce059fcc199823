/** `setup database --output sql`: the plan for PostgreSQL as a psql script. It contains no secret. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { psqlConnection } from './quoting.ts';
import { type DatabaseSettings, sqlSteps } from './sql-steps.ts';
import type { SqlStep } from './steps.ts';

export function scriptFor(settings: DatabaseSettings): string {
  return `-- Set-up of PostgreSQL: run it with psql as a superuser; it can be run again. Then give ${settings.administrator} the password that Vault gets:
--   \\password ${escapeIdentifier(settings.administrator)}
\\set ON_ERROR_STOP on
${scriptOf(sqlSteps(settings))}`;
}

/** Each step runs if needed, in its database. */
function scriptOf(steps: readonly SqlStep[]): string {
  let at: string | undefined;
  return steps
    .map((step) => {
      const { database } = step;
      // Disconnects, from a template too: otherwise it could not be copied.
      const move =
        database === at
          ? ''
          : `\n\\connect ${database === undefined ? ':back' : psqlConnection(database)}\nSET client_min_messages = warning;\n`;
      at = database;
      return `${move}\n-- ${step.title}\n${guarded(step)}`;
    })
    .join('\n')
    .replace(/^/, at === undefined ? '' : '\\set back :DBNAME\n');
}

/** \gexec runs the statements that a query returns. */
const guarded = ({ sql, there }: SqlStep): string =>
  `SELECT ${escapeLiteral(sql)} WHERE NOT (${there}) \\gexec`;
