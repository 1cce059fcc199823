#!/bin/sh
# Which pods may have credentials of database role orders. Uses VAULT_TOKEN; can be run again.
set -eu
VAULT=${VAULT_CLI:-vault}

"$VAULT" policy write team-web - <<'HCL'
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
HCL

"$VAULT" write auth/kubernetes/role/team-web - <<'JSON'
{
  "bound_service_account_names": [
    "web"
  ],
  "bound_service_account_namespaces": [
    "team"
  ],
  "token_policies": [
    "team-web"
  ]
}
JSON
