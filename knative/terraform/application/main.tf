# Vault set-up of an application, so that its pods can request a database role: the role itself, a policy that allows
# only it, and an auth role that says whose pods may have it. All three have the same name.

terraform {
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 3.0"
    }
  }
}

variable "name" {
  description = "Name of the role, as in the pods' annotation `role`."
  type        = string
}

variable "auth_path" {
  description = "Mount of the Kubernetes auth method, without \"auth/\"."
  type        = string
}

variable "database_mount" {
  description = "Mount of the database engine."
  type        = string
}

variable "connection" {
  description = "The database engine's connection, which has to allow the role (allowed_roles)."
  type        = string
}

variable "service_accounts" {
  description = "Service accounts of the pods."
  type        = list(string)
}

variable "namespaces" {
  description = "Namespaces of the pods."
  type        = list(string)
}

variable "group" {
  description = "PostgreSQL role that the pods' users belong to and act as: it owns what they create."
  type        = string
}

variable "default_ttl" {
  description = "Lifetime of credentials without renewal, in seconds: at least two sync intervals."
  type        = number
  default     = 3600
}

resource "vault_database_secret_backend_role" "application" {
  backend     = var.database_mount
  name        = var.name
  db_name     = var.connection
  default_ttl = var.default_ttl
  creation_statements = [
    "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE \"${var.group}\";",
    "ALTER ROLE \"{{name}}\" SET ROLE \"${var.group}\";",
  ]
  revocation_statements = ["DROP ROLE \"{{name}}\";"]
}

# revoke: the pod's own lease, so that revocation reports at once whether the user could be dropped.
resource "vault_policy" "application" {
  name   = var.name
  policy = <<-EOT
    path "${var.database_mount}/creds/${var.name}" {
      capabilities = ["read"]
    }
    path "sys/leases/revoke" {
      capabilities = ["update"]
      allowed_parameters = {
        "lease_id" = ["${var.database_mount}/creds/${var.name}/*"]
        "sync"     = []
      }
    }
  EOT
}

resource "vault_kubernetes_auth_backend_role" "application" {
  backend                          = var.auth_path
  role_name                        = var.name
  bound_service_account_names      = var.service_accounts
  bound_service_account_namespaces = var.namespaces
  token_policies                   = [vault_policy.application.name]
}
