path "vault-injector/*" {
  capabilities = ["read", "list", "update", "create", "delete", "sudo"]
}
path "vault-injector/data/*" {
  capabilities = ["read", "list", "update", "create", "delete", "sudo"]
}
path "vault-injector/metadata/*" {
  capabilities = ["read", "list", "update", "create", "delete", "sudo"]
}
path "pgsql2-dv/creds/*" {
  capabilities = ["read"]
}
path "auth/pgsql2-dv-kubernetes1-dv-par5/role/*" {
  capabilities = ["read"]
}
path "sys/leases/renew" {
  capabilities = ["create"]
}
path "auth/token/renew-self" {
  capabilities = ["create"]
}
path "auth/token/renew" {
  capabilities = ["create", "update"]
}
path "auth/token/revoke" {
  capabilities = ["create", "update"]
}
path "auth/token/create" {
  capabilities = ["create", "update", "read"]
}

path "auth/token/create-orphan" {
  capabilities = ["create", "update", "read", "sudo"]
}
path "auth/token/revoke-orphan" {
  capabilities = ["create", "update", "sudo"]
}
