/** The names that the reference document uses throughout. */
export const authPath = 'pgsql2-dv-kubernetes1-dv-par5';
export const databaseMount = 'pgsql2-dv';
export const connection = 'pgsql2_dv';
/** Mount of the AppRole auth method, as in its documentation. */
export const appRolePath = 'approle';
export const secretName = 'vault-injector';
export const secretPrefix = 'kubernetes1-dv-par5';
/** Of the reference: one for all that the injector does, which everything of ours may still log in with. */
export const injectorRole = 'all-rw';
/** Of the manifests: one for each process, the role of the same name as its service account. */
export const processRoles = [
  'vault-db-injector-admission',
  'vault-db-injector-renewal',
  'vault-db-injector-revocation',
  'vault-db-injector-approle',
] as const;
export const injectorPolicies: readonly string[] = [injectorRole, ...processRoles];

/** What the functions' own tokens are issued for. */
export const audience = 'vault';
