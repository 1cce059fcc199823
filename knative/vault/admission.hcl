# Policy of the admission function. Filled in by knative/terraform, or by hand: auth_path, the auth method's mount;
# ledger_mount and ledger_prefix, where the records are; application_policies, which policies it may give to pods: []
# for any, or a list of lists such as [["orders-rw"], ["stock-ro"]].

# May the pod's service account assume the role that the pod names?
path "auth/${auth_path}/role/+" {
  capabilities = ["read"]
}

# A token for the pod, with the role's policy. sudo: for its period, and for a policy that the function itself does not
# have. Both parameters are required: without policies Vault would give it the function's own, and the token would
# outlive the function's login. (JSON's null cannot be denied here: only a list of application_policies rules it out.)
path "auth/token/create-orphan" {
  capabilities = ["update", "sudo"]
  required_parameters = ["policies", "period"]
  denied_parameters = {
    "policies" = [[], [""], ""]
    "period"   = ["", "0", "0s"]
  }
  allowed_parameters = {
    "policies"     = ${application_policies}
    "period"       = []
    "display_name" = []
    "meta"         = []
    "renewable"    = []
  }
}

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
