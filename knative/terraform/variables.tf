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
  description = "The cluster's folder in the ledger (vaultSecretPrefix)."
  type        = string
}

variable "database_mounts" {
  description = "Mounts of the database engines that issue credentials to pods."
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
  description = "Prefix of the policies' names: one per cluster, if several use one Vault."
  type        = string
  default     = "vault-db-injector"
}

variable "audience" {
  description = "Audience of the service account tokens, as set in the manifests' volumes."
  type        = string
  default     = "vault"
}

variable "token_bound_cidrs" {
  description = "Address ranges that the injector's tokens may be used from, for instance the cluster's pods. Empty: any."
  type        = list(string)
  default     = []
}

variable "approle_path" {
  description = "Mount of the AppRole auth method, without \"auth/\", that pods get secret_ids of (appRolePath; docs/approle.md). Empty: none."
  type        = string
  default     = ""
}

variable "use_projected_sa" {
  description = "Whether the injector uses Vault as the pods' own service accounts (useProjectedSA). Its own policy is smaller then."
  type        = bool
  default     = false
}
