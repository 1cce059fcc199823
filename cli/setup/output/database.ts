/** `setup database --output`: the plan as files, for people who keep it under version control. They contain no secret. */

import type { OUTPUTS } from '../options.ts';
import { identifier, literal, psqlConnection, terraformString } from '../quoting.ts';
import { creationStatements, revocationStatements, rotationStatements } from '../role-statements.ts';
import { type DatabaseSettings, sqlSteps } from '../sql-steps.ts';
import type { SqlStep, VaultStep } from '../steps.ts';
import { type EngineSettings, enginePlan, NOTHING } from '../vault-plan.ts';
import { terraformValue, vaultWrite } from './vault.ts';

export function writeDatabase(
  output: (typeof OUTPUTS)[number],
  database: DatabaseSettings,
  engine: EngineSettings,
): string {
  if (output === 'sql') return asSql(database);
  return output === 'sh' ? asShell(database, engine) : asTerraform(engine);
}

function asSql(settings: DatabaseSettings): string {
  return `-- Set-up of PostgreSQL: run it with psql as a superuser; it can be run again. Then give ${settings.administrator} the password that Vault gets:
--   \\password ${identifier(settings.administrator)}
\\set ON_ERROR_STOP on
${scriptOf(sqlSteps(settings))}`;
}

/** A psql script: each step runs if needed, in its database. */
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
const guarded = ({ sql, there }: SqlStep): string => `SELECT ${literal(sql)} WHERE NOT (${there}) \\gexec`;

function asShell(database: DatabaseSettings, engine: EngineSettings): string {
  const { administrator, mount } = engine;
  const steps = enginePlan(engine, NOTHING, true)
    .map(({ step }) => step)
    .filter((step): step is VaultStep => step.kind === 'vault' && step.path[0] !== 'sys/mounts');
  return `#!/bin/sh
# PostgreSQL and Vault for one database. Uses PGUSER (a superuser) and VAULT_TOKEN, with psql, jq and vault; can be run again:
# ${administrator.replaceAll("'", '')} then gets another password.
set -eu
VAULT=\${VAULT_CLI:-vault}

psql --no-psqlrc --quiet <<'SQL'
${asSql(database)}
SQL

# Valid only until Vault rotates it.
password=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \\n')
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<SQL
ALTER ROLE ${shellHeredoc(identifier(administrator))} PASSWORD '$password';
SQL

"$VAULT" secrets list -format=json | jq --exit-status --arg path '${mount}/' 'has($path)' > /dev/null ||
  "$VAULT" secrets enable -path='${mount}' database
${steps.map(vaultWrite).join('\n')}`;
}

/** Escapes for a heredoc that the shell expands. */
const shellHeredoc = (text: string): string => text.replace(/[\\$`]/g, String.raw`\$&`);

function asTerraform(engine: EngineSettings): string {
  const { mount, connection, role, connectionUrl, administrator, group, ownership } = engine;
  const seconds = (duration: string) => duration.slice(0, -1);
  return `# Set-up of Vault for one database. For that of PostgreSQL, use --output sql.
terraform {
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 4.0"
    }
  }
}

variable "administrator_password" {
  description = "Password of the administrator until Vault rotates it."
  type        = string
  sensitive   = true
}

resource "vault_mount" "databases" {
  path = ${terraformString(mount)}
  type = "database"
}

resource "vault_database_secret_backend_connection" "database" {
  backend                  = vault_mount.databases.path
  name                     = ${terraformString(connection)}
  allowed_roles            = ${terraformValue([role])}
  root_rotation_statements = ${terraformValue(rotationStatements(administrator))}

  postgresql {
    connection_url          = ${terraformString(connectionUrl)}
    username                = ${terraformString(administrator)}
    password                = var.administrator_password
    password_authentication = "scram-sha-256"
  }

  lifecycle {
    # Vault has rotated it.
    ignore_changes = [postgresql[0].password]
  }
}

resource "vault_generic_endpoint" "rotated_root" {
  path                 = "\${vault_mount.databases.path}/rotate-root/\${vault_database_secret_backend_connection.database.name}"
  data_json            = "{}"
  disable_read         = true
  disable_delete       = true
  ignore_absent_fields = true
}

resource "vault_database_secret_backend_role" "database" {
  backend     = vault_mount.databases.path
  name        = ${terraformString(role)}
  db_name     = vault_database_secret_backend_connection.database.name
  default_ttl = ${seconds(engine.defaultTtl)}
  max_ttl     = ${seconds(engine.maxTtl)}

  creation_statements = ${terraformValue(creationStatements(group, ownership))}

  revocation_statements = ${terraformValue(revocationStatements(group))}
}`;
}
