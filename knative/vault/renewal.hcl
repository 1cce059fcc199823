# Of the renewal job. Filled in by knative/terraform, or by hand: ledger_mount and ledger_prefix, where the records are;
# leases, those that are its to keep and to end, such as ["databases/creds/*"].

# All grants of the ledger.
path "${ledger_mount}/metadata/${ledger_prefix}" {
  capabilities = ["list"]
}
# A record; update: one whose database user cannot be dropped yet, or whose cluster has to be told from another.
path "${ledger_mount}/data/${ledger_prefix}/+" {
  capabilities = ["read", "update"]
}
# A grant that has ended.
path "${ledger_mount}/metadata/${ledger_prefix}/+" {
  capabilities = ["delete"]
}

# What one run leaves for the next, in one version.
path "${ledger_mount}/data/${ledger_prefix}-sweep/*" {
  capabilities = ["create", "read", "update"]
}
path "${ledger_mount}/metadata/${ledger_prefix}-sweep/*" {
  capabilities = ["create", "update"]
}

# Keeping alive. "increment" also finds out when a lease ends for good.
path "auth/token/renew" {
  capabilities = ["update"]
}
path "sys/leases/renew" {
  capabilities = ["update"]
  allowed_parameters = {
    "lease_id"  = ${leases}
    "increment" = []
  }
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
# One whose token is dead and whose database user could not be dropped: tried again by every run, longer than Vault tries.
path "sys/leases/revoke" {
  capabilities = ["update"]
  allowed_parameters = {
    "lease_id" = ${leases}
    "sync"     = []
  }
}

# Its own login, at its end.
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# What it may do: for the command line's doctor.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
