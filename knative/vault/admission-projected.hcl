# Policy of the admission function if it uses Vault as each pod's own service account (useProjectedSA): its ledger only,
# no databases. Filled in like admission.hcl; set-up.sh uses it with USE_PROJECTED_SA=true.

# The record; update: a write repeated because its first answer was lost.
path "${ledger_mount}/data/${ledger_prefix}/+" {
  capabilities = ["create", "update"]
}

# Undoes a failed admission: its tokens, and their records.
path "auth/token/revoke" {
  capabilities = ["update"]
}
path "${ledger_mount}/metadata/${ledger_prefix}/+" {
  capabilities = ["delete"]
}

# Time of the renewal job's last success: pods' owners are warned if that is too long ago.
path "${ledger_mount}/data/${ledger_prefix}-sweep/last-*" {
  capabilities = ["read"]
}
# The same, if the configuration names the cluster (clusterId).
path "${ledger_mount}/data/${ledger_prefix}-sweep/+/last-*" {
  capabilities = ["read"]
}

# Slots, if maxGrantsPerRole is on. update: a write repeated because its first answer was lost.
path "${ledger_mount}/metadata/${ledger_prefix}-held/*" {
  capabilities = ["create", "delete", "list", "update"]
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
