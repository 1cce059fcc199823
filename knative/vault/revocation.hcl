# Of the revocation function. Filled in by knative/terraform, or by hand: ledger_mount and ledger_prefix, where the records
# are; leases, those that are its to end, such as ["databases/creds/*"].

# Whose grant it is; update: one whose database user cannot be dropped yet, which the renewal job goes on with.
path "${ledger_mount}/data/${ledger_prefix}/+" {
  capabilities = ["read", "update"]
}
# A grant that has ended.
path "${ledger_mount}/metadata/${ledger_prefix}/+" {
  capabilities = ["delete"]
}

# Ending, with proof.
path "auth/token/revoke" {
  capabilities = ["update"]
}
path "sys/leases/lookup" {
  capabilities = ["update"]
  allowed_parameters = {
    "lease_id" = ${leases}
  }
}

# Its own login.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# What it may do: for the command line's doctor.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
