# Set-up of Vault for one database. For that of PostgreSQL, use --output sql.
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
  path = "databases"
  type = "database"
}

resource "vault_database_secret_backend_connection" "database" {
  backend                  = vault_mount.databases.path
  name                     = "orders"
  allowed_roles            = ["orders"]
  root_rotation_statements = ["ALTER ROLE \"admin_orders\" WITH PASSWORD '{{password}}';"]

  postgresql {
    connection_url          = "postgresql://{{username}}:{{password}}@postgres.example.com:5432/orders?sslmode=require"
    username                = "admin_orders"
    password                = var.administrator_password
    password_authentication = "scram-sha-256"
  }

  lifecycle {
    # Vault has rotated it.
    ignore_changes = [postgresql[0].password]
  }
}

resource "vault_generic_endpoint" "rotated_root" {
  path                 = "${vault_mount.databases.path}/rotate-root/${vault_database_secret_backend_connection.database.name}"
  data_json            = "{}"
  disable_read         = true
  disable_delete       = true
  ignore_absent_fields = true
}

resource "vault_database_secret_backend_role" "database" {
  backend     = vault_mount.databases.path
  name        = "orders"
  db_name     = vault_database_secret_backend_connection.database.name
  default_ttl = 3600
  max_ttl     = 0

  creation_statements = ["CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE \"orders_grp\";"]

  revocation_statements = [
    trimspace(<<-EOT
      DO $revocation$
      DECLARE
        temporary name := '{{name}}';
        heir name := 'orders_grp';
      BEGIN
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = temporary) THEN RETURN; END IF;
        EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER', temporary);
        PERFORM pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE usename = temporary;
        EXECUTE pg_catalog.format('REASSIGN OWNED BY %I TO %I', temporary, heir);
        EXECUTE pg_catalog.format('DROP OWNED BY %I', temporary);
        -- Whoever reconnected meanwhile.
        PERFORM pg_catalog.pg_stat_clear_snapshot();
        PERFORM pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE usename = temporary;
        EXECUTE pg_catalog.format('DROP ROLE %I', temporary);
      END $revocation$
    EOT
    ),
  ]
}
