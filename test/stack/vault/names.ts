/** The names that the reference document uses throughout. */
export const authPath = 'pgsql2-dv-kubernetes1-dv-par5';
export const databaseMount = 'pgsql2-dv';
export const connection = 'pgsql2_dv';
/** Mount of the AppRole auth method, as in its documentation. */
export const appRolePath = 'approle';
export const secretName = 'vault-injector';
export const secretPrefix = 'kubernetes1-dv-par5';
/** The reference's role: one for all that the injector does, which all of our processes may still log in with. */
export const injectorRole = 'all-rw';
/** The manifests' roles: one for each process, named like its service account. */
export const processRoles = [
  'vault-db-injector-admission',
  'vault-db-injector-renewal',
  'vault-db-injector-revocation',
  'vault-db-injector-approle',
] as const;
export const injectorPolicies: readonly string[] = [injectorRole, ...processRoles];

/** What the functions' own tokens are issued for. */
export const audience = 'vault';
