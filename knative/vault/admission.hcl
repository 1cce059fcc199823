# Of the admission function. Filled in by knative/terraform, or by hand: auth_path, the auth method's mount; ledger_mount and
# ledger_prefix, where the records are; application_policies, which policies it may give to pods: [] for any, or a list of
# lists such as [["orders-rw"], ["stock-ro"]].

# May the pod's service account assume the role that the pod names?
path "auth/${auth_path}/role/+" {
  capabilities = ["read"]
}

# A token for the pod, with the role's policy. sudo: its period, and a policy that the function itself does not have. Both have
# to be there: without a policy Vault gives the asker's own, and the token would outlive its login. (JSON's null cannot be
# denied here: only application_policies that are named rule it out.)
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

# The record; update: one that is sent again because its first answer was lost.
path "${ledger_mount}/data/${ledger_prefix}/+" {
  capabilities = ["create", "update"]
}

# An admission that fails is undone: the tokens that it made, and their records.
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
