variable "auth_path" {
  description = "Mount of the Kubernetes auth method of the cluster, without \"auth/\" (vaultAuthPath in the configuration)."
  type        = string
}

variable "ledger_mount" {
  description = "Mount of the KV v2 engine that holds the ledger (vaultSecretName)."
  type        = string
  default     = "vault-injector"
}

variable "ledger_prefix" {
  description = "The cluster's folder in it (vaultSecretPrefix)."
  type        = string
}

variable "database_mounts" {
  description = "Mounts of the database engines whose credentials pods are given."
  type        = list(string)
  default     = ["databases"]
}

variable "application_policies" {
  description = "The only policies that may be given to pods' tokens. Empty: any."
  type        = list(string)
  default     = []
}

variable "namespace" {
  description = "Kubernetes namespace of the injector."
  type        = string
  default     = "vault-injector"
}

variable "policy_prefix" {
  description = "Beginning of the policies' names: one for each cluster, where several use one Vault."
  type        = string
  default     = "vault-db-injector"
}

variable "audience" {
  description = "Audience of the service account tokens, as the manifests' volumes have it."
  type        = string
  default     = "vault"
}

variable "token_bound_cidrs" {
  description = "Where the injector's logins may be used from: the cluster's pods, for instance. Empty: anywhere."
  type        = list(string)
  default     = []
}

variable "approle_path" {
  description = "Mount of the AppRole auth method, without \"auth/\", where pods are given secret_ids (appRolePath; docs/approle.md). Empty: they are not."
  type        = string
  default     = ""
}
