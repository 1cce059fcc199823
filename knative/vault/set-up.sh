#!/bin/sh
# Writes the policies and auth roles of the injector's processes into Vault, for those who do not use Terraform
# (../terraform does the same). Safe to run again.
#
#   LEDGER_PREFIX=production DATABASE_MOUNTS='databases' knative/vault/set-up.sh
#
# It asks Vault through its command line client, so with VAULT_ADDR, VAULT_TOKEN and so on; VAULT_CLI=bao for OpenBao's.
set -euf

# Reports all missing variables at once.
lacking=
lack() { lacking="$lacking
  $1: $2"; }
[ -n "${LEDGER_PREFIX:-}" ] || lack LEDGER_PREFIX 'where the cluster has its folder in the ledger (vaultSecretPrefix)'
[ -n "${DATABASE_MOUNTS:-}" ] || lack DATABASE_MOUNTS 'the mounts of the database engines, separated by spaces'
if [ -n "$lacking" ]; then
  echo "variables that have to be set:$lacking" >&2
  exit 1
fi
LEDGER_MOUNT=${LEDGER_MOUNT:-vault-injector}
AUTH_PATH=${AUTH_PATH:-kubernetes}
# The only policies that pods' tokens may have, separated by spaces; empty: any.
APPLICATION_POLICIES=${APPLICATION_POLICIES:-}
NAMESPACE=${NAMESPACE:-vault-injector}
AUDIENCE=${AUDIENCE:-vault}
# A prefix per cluster, if several use one Vault.
POLICY_PREFIX=${POLICY_PREFIX:-vault-db-injector}
TOKEN_BOUND_CIDRS=${TOKEN_BOUND_CIDRS:-}
# true: uses Vault as the pods' own service accounts, so the injector needs its ledger only.
USE_PROJECTED_SA=${USE_PROJECTED_SA:-false}
# Mount of the AppRole auth method that pods get secret_ids of (docs/approle.md); empty: none.
APPROLE_PATH=${APPROLE_PATH:-}

# Characters that sed or HCL would interpret.
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

# Checked before the first policy: without these two, writing would stop half-way. If they may not be read, Vault's own
# error follows.
absent() {
  said=$("${VAULT_CLI:-vault}" read "$1" 2>&1) && return 1
  case $said in *"$2"*) return 0 ;; *) return 1 ;; esac
}
if absent "sys/auth/$AUTH_PATH" 'No auth engine'; then
  lack "auth method at $AUTH_PATH (AUTH_PATH)" "
    ${VAULT_CLI:-vault} auth enable -path=$AUTH_PATH kubernetes
    ${VAULT_CLI:-vault} write auth/$AUTH_PATH/config kubernetes_host=https://… # the API server as Vault reaches it; docs/install.md"
fi
if absent "sys/mounts/$LEDGER_MOUNT" 'No secret engine'; then
  lack "KV engine at $LEDGER_MOUNT (LEDGER_MOUNT)" "
    ${VAULT_CLI:-vault} secrets enable -path=$LEDGER_MOUNT -version=2 kv"
fi
if [ -n "$lacking" ]; then
  echo "nothing was written. What Vault lacks, and what makes it:$lacking" >&2
  exit 1
fi

# Turns words into an HCL list, each formatted.
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
  template=$process
  if [ "$process:$USE_PROJECTED_SA" = admission:true ]; then template=admission-projected; fi
  sed \
    -e "s|\${auth_path}|$AUTH_PATH|g" \
    -e "s|\${ledger_mount}|$LEDGER_MOUNT|g" \
    -e "s|\${ledger_prefix}|$LEDGER_PREFIX|g" \
    -e "s|\${application_policies}|$application_policies|g" \
    -e "s|\${leases}|$leases|g" \
    -e "s|\${approle_path}|$APPROLE_PATH|g" \
    "$template.hcl" | "${VAULT_CLI:-vault}" policy write "$POLICY_PREFIX-$process" -
  "${VAULT_CLI:-vault}" write "auth/$AUTH_PATH/role/vault-db-injector-$process" \
    bound_service_account_names="vault-db-injector-$process" \
    bound_service_account_namespaces="$NAMESPACE" \
    audience="$AUDIENCE" \
    token_ttl=3600 \
    token_policies="$POLICY_PREFIX-$process" \
    token_no_default_policy=true \
    token_bound_cidrs="$TOKEN_BOUND_CIDRS"
done
