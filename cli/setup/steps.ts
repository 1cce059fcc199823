/** What a plan is made of. No step has a secret in it. */

export interface SqlStep {
  readonly kind: 'sql';
  readonly title: string;
  /** The database that it is done in; absent: any of the server. */
  readonly database?: string;
  /** Of SQL: true where there is nothing to do. */
  readonly there: string;
  readonly sql: string;
  /** Only a superuser may: what cannot be done is handed on. */
  readonly superuser?: boolean;
}

export interface VaultStep {
  readonly kind: 'vault';
  readonly title: string;
  /** Parts of its path, as `vaultPath` takes them. */
  readonly path: readonly (string | { readonly name: string })[];
  readonly body: Readonly<Record<string, unknown>>;
  /** The administrator's new password belongs into it. */
  readonly withPassword?: boolean;
}

/** The administrator gets a password that nobody knows, for the moment until Vault changes it. */
export interface PasswordStep {
  readonly kind: 'password';
  readonly title: string;
  readonly administrator: string;
}

export type Step = SqlStep | VaultStep | PasswordStep;

export interface Planned<S extends Step = Step> {
  readonly step: S;
  readonly state: 'there' | 'missing' | 'different';
}

export const pathOf = ({ path }: VaultStep): string =>
  path.map((part) => (typeof part === 'string' ? part : part.name)).join('/');
