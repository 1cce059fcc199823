# Policy of the renewal job. Filled in by knative/terraform, or by hand: ledger_mount and ledger_prefix, where the
# records are; leases, which it may renew and revoke, such as ["databases/creds/*"].

# All grants of the ledger.
path "${ledger_mount}/metadata/${ledger_prefix}" {
  capabilities = ["list"]
}
# A record; update: marks one whose database user cannot be dropped yet, or adds its cluster.
path "${ledger_mount}/data/${ledger_prefix}/+" {
  capabilities = ["read", "update"]
}
# Deletes an ended grant; update: removes a token from all versions of its record (migrate ledger).
path "${ledger_mount}/metadata/${ledger_prefix}/+" {
  capabilities = ["delete", "update"]
}

# The memory that one run leaves for the next, in one version.
path "${ledger_mount}/data/${ledger_prefix}-sweep/*" {
  capabilities = ["create", "read", "update"]
}
path "${ledger_mount}/metadata/${ledger_prefix}-sweep/*" {
  capabilities = ["create", "update"]
}

# Renewal: of tokens by themselves, and by their accessors. "increment" also finds out when a lease ends for good.
path "auth/token/renew" {
  capabilities = ["update"]
}
path "auth/token/renew-accessor" {
  capabilities = ["update"]
}
path "sys/leases/renew" {
  capabilities = ["update"]
  allowed_parameters = {
    "lease_id"  = ${leases}
    "increment" = []
  }
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
# Synchronous revocation, if the token is unknown, or dead while the database user could not be dropped: every run tries
# again, for longer than Vault does.
path "sys/leases/revoke" {
  capabilities = ["update"]
  allowed_parameters = {
    "lease_id" = ${leases}
    "sync"     = []
  }
}

# Slots, if maxGrantsPerRole is on: those of ended grants, and missing ones. update: as with a record.
path "${ledger_mount}/metadata/${ledger_prefix}-held/*" {
  capabilities = ["create", "delete", "list", "update"]
}

# The job's own login, at its end.
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# Its capabilities: for the command line's doctor.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
