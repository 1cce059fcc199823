# Of the admission function where Vault is asked as each pod's own service account (useProjectedSA): its ledger, and nothing
# of anybody's databases. Filled in as admission.hcl is; set-up.sh takes it with USE_PROJECTED_SA=true.

# The record; update: one that is sent again because its first answer was lost.
path "${ledger_mount}/data/${ledger_prefix}/+" {
  capabilities = ["create", "update"]
}

# An admission that fails is undone: the tokens that it was given, and their records.
path "auth/token/revoke" {
  capabilities = ["update"]
}
path "${ledger_mount}/metadata/${ledger_prefix}/+" {
  capabilities = ["delete"]
}

# When the renewal job was last successful: pods' owners are warned when that is too long ago.
path "${ledger_mount}/data/${ledger_prefix}-sweep/last-*" {
  capabilities = ["read"]
}
# The same, where the configuration gives the cluster a name (clusterId).
path "${ledger_mount}/data/${ledger_prefix}-sweep/+/last-*" {
  capabilities = ["read"]
}

# Where maxGrantsPerRole is on: its place in the count. update: one that is sent again because its first answer was lost.
path "${ledger_mount}/metadata/${ledger_prefix}-held/*" {
  capabilities = ["create", "delete", "list", "update"]
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
