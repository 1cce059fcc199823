/** The keys that every process with a Vault client needs. */
export const REQUIRED_KEYS = {
  vaultAddress: 'http://127.0.0.1:8200',
  vaultAuthPath: 'kubernetes',
  vaultSecretName: 'vault-injector',
  vaultSecretPrefix: 'cluster',
  kubeRole: 'all-rw',
} as const;
