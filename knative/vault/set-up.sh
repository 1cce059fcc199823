#!/bin/sh
# Writes the policies and auth roles of the injector's processes into Vault, for those who do not use Terraform
# (../terraform does the same). Safe to run again.
#
#   LEDGER_PREFIX=production DATABASE_MOUNTS='databases' knative/vault/set-up.sh
#
# It asks Vault through its command line client, so with VAULT_ADDR, VAULT_TOKEN and so on; VAULT_CLI=bao for OpenBao's.
set -euf

: "${LEDGER_PREFIX:?where the cluster has its folder in the ledger (vaultSecretPrefix)}"
: "${DATABASE_MOUNTS:?the mounts of the database engines, separated by spaces}"
LEDGER_MOUNT=${LEDGER_MOUNT:-vault-injector}
AUTH_PATH=${AUTH_PATH:-kubernetes}
# The only policies that may be given to pods' tokens, separated by spaces; empty: any.
APPLICATION_POLICIES=${APPLICATION_POLICIES:-}
NAMESPACE=${NAMESPACE:-vault-injector}
AUDIENCE=${AUDIENCE:-vault}
# One for each cluster, where several use one Vault.
POLICY_PREFIX=${POLICY_PREFIX:-vault-db-injector}
TOKEN_BOUND_CIDRS=${TOKEN_BOUND_CIDRS:-}
# Mount of the AppRole auth method, where pods are given secret_ids (docs/approle.md); empty: they are not.
APPROLE_PATH=${APPROLE_PATH:-}

# sed would take them for its own, HCL for its.
newline='
'
for value in "$LEDGER_PREFIX" "$DATABASE_MOUNTS" "$LEDGER_MOUNT" "$AUTH_PATH" "$APPLICATION_POLICIES" "$NAMESPACE" \
  "$AUDIENCE" "$POLICY_PREFIX" "$TOKEN_BOUND_CIDRS" "$APPROLE_PATH"; do
  case $value in
    *['&|\"']* | *"$newline"*)
      echo 'a value has one of & | \ " or a new line in it: none of them may be in any' >&2
      exit 1
      ;;
  esac
done

cd "$(dirname "$0")"

# Of words an HCL list, each made by the format.
list() {
  format=$1
  shift
  items=
  for word in "$@"; do
    # shellcheck disable=SC2059 # It is a format.
    items="$items${items:+,}$(printf "$format" "$word")"
  done
  printf '[%s]' "$items"
}

# shellcheck disable=SC2086 # They are words.
leases=$(list '"%s/creds/*"' $DATABASE_MOUNTS)
# shellcheck disable=SC2086
application_policies=$(list '["%s"]' $APPLICATION_POLICIES)

for process in admission renewal revocation ${APPROLE_PATH:+approle}; do
  sed \
    -e "s|\${auth_path}|$AUTH_PATH|g" \
    -e "s|\${ledger_mount}|$LEDGER_MOUNT|g" \
    -e "s|\${ledger_prefix}|$LEDGER_PREFIX|g" \
    -e "s|\${application_policies}|$application_policies|g" \
    -e "s|\${leases}|$leases|g" \
    -e "s|\${approle_path}|$APPROLE_PATH|g" \
    "$process.hcl" | "${VAULT_CLI:-vault}" policy write "$POLICY_PREFIX-$process" -
  "${VAULT_CLI:-vault}" write "auth/$AUTH_PATH/role/vault-db-injector-$process" \
    bound_service_account_names="vault-db-injector-$process" \
    bound_service_account_namespaces="$NAMESPACE" \
    audience="$AUDIENCE" \
    token_ttl=3600 \
    token_policies="$POLICY_PREFIX-$process" \
    token_no_default_policy=true \
    token_bound_cidrs="$TOKEN_BOUND_CIDRS"
done
