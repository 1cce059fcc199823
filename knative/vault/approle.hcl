# Of the approle function. Filled in by knative/terraform, or by hand: approle_path, the AppRole auth method's mount. To have it
# give the secret_ids of some AppRoles only, write a path for each in place of "+".

# For a pod: wrapped, so that it can hand on what it cannot read; and by its own parameters only, so that it cannot choose
# the secret_id.
path "auth/${approle_path}/role/+/secret-id" {
  capabilities = ["update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "10m"
  # By an empty body it would be good for ever, for as many logins as anybody likes.
  required_parameters = ["num_uses"]
  allowed_parameters = {
    "metadata"  = []
    "num_uses"  = []
    "ttl"       = []
    "cidr_list" = []
  }
}

# Its own login.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
