# Policy of the approle function. Filled in by knative/terraform, or by hand: approle_path, the AppRole auth method's
# mount. To limit it to some AppRoles, write a path for each in place of "+".

# A pod's secret_id: wrapped, so that the function cannot read it; and only with its own parameters, so that it cannot
# choose the secret_id.
path "auth/${approle_path}/role/+/secret-id" {
  capabilities = ["update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "10m"
  # An empty body would make it valid for ever, for any number of logins.
  required_parameters = ["num_uses"]
  allowed_parameters = {
    "metadata"  = []
    "num_uses"  = []
    "ttl"       = []
    "cidr_list" = []
  }
}

# The function's own login.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
