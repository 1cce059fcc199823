# Policy of the revocation function. Filled in by knative/terraform, or by hand: ledger_mount and ledger_prefix, where
# the records are; leases, which it may revoke, such as ["databases/creds/*"].

# The record says whose grant it is; update: marks one whose database user cannot be dropped yet, for the renewal job.
path "${ledger_mount}/data/${ledger_prefix}/+" {
  capabilities = ["read", "update"]
}
# Deletes an ended grant.
path "${ledger_mount}/metadata/${ledger_prefix}/+" {
  capabilities = ["delete"]
}

# Revocation, with proof.
path "auth/token/revoke" {
  capabilities = ["update"]
}
path "auth/token/revoke-accessor" {
  capabilities = ["update"]
}
path "sys/leases/lookup" {
  capabilities = ["update"]
  allowed_parameters = {
    "lease_id" = ${leases}
  }
}
# Synchronous revocation of a grant whose token is unknown; other grants use their own tokens.
path "sys/leases/revoke" {
  capabilities = ["update"]
  allowed_parameters = {
    "lease_id" = ${leases}
    "sync"     = []
  }
}

# Slots, if maxGrantsPerRole is on: that of an ended grant.
path "${ledger_mount}/metadata/${ledger_prefix}-held/*" {
  capabilities = ["delete"]
}

# The function's own login.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# Its capabilities: for the command line's doctor.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
