# Which pods may have credentials of database role orders.
terraform {
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 3.0"
    }
  }
}

resource "vault_policy" "application" {
  name = "team-web"

  policy = trimspace(<<-EOT
    path "databases/creds/orders" {
      capabilities = ["read"]
    }
    path "sys/leases/revoke" {
      capabilities = ["update"]
      allowed_parameters = {
        "lease_id" = ["databases/creds/orders/*"]
        "sync"     = []
      }
    }
  EOT
  )
}

resource "vault_kubernetes_auth_backend_role" "application" {
  backend                          = "kubernetes"
  role_name                        = "team-web"
  bound_service_account_names      = ["web"]
  bound_service_account_namespaces = ["team"]
  token_policies                   = [vault_policy.application.name]
}
