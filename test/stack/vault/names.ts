/** The names that the reference document uses throughout. */
export const authPath = 'pgsql2-dv-kubernetes1-dv-par5';
export const databaseMount = 'pgsql2-dv';
export const connection = 'pgsql2_dv';
export const secretName = 'vault-injector';
export const secretPrefix = 'kubernetes1-dv-par5';
export const injectorRole = 'all-rw';

/** What the functions' own tokens are issued for. */
export const audience = 'vault';
