# Vault set-up of the injector, in addition to the reference's database engine, KV engine and auth method: for each of
# its processes a policy, and an auth role with the name of its service account.

locals {
  processes = toset(concat(["admission", "renewal", "revocation"], var.approle_path == "" ? [] : ["approle"]))

  # If Vault is used as the pods' own service accounts, admission needs its ledger only.
  templates = var.use_projected_sa ? tomap({ admission = "admission-projected" }) : tomap({})

  values = {
    auth_path            = var.auth_path
    ledger_mount         = var.ledger_mount
    ledger_prefix        = var.ledger_prefix
    application_policies = jsonencode([for policy in var.application_policies : [policy]])
    approle_path         = var.approle_path
    leases               = jsonencode([for mount in var.database_mounts : "${mount}/creds/*"])
  }
}

resource "vault_policy" "process" {
  for_each = local.processes

  name   = "${var.policy_prefix}-${each.key}"
  policy = templatefile("${path.module}/../vault/${lookup(local.templates, each.key, each.key)}.hcl", local.values)
}

resource "vault_kubernetes_auth_backend_role" "process" {
  for_each = local.processes

  backend                          = var.auth_path
  role_name                        = "vault-db-injector-${each.key}"
  bound_service_account_names      = ["vault-db-injector-${each.key}"]
  bound_service_account_namespaces = [var.namespace]
  audience                         = var.audience
  token_ttl                        = 3600
  token_policies                   = [vault_policy.process[each.key].name]
  token_no_default_policy          = true
  token_bound_cidrs                = var.token_bound_cidrs
}
