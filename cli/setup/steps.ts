/** The steps of a plan. None contains a secret. */

export interface SqlStep {
  readonly kind: 'sql';
  readonly title: string;
  /** The database to run in; absent: any. */
  readonly database?: string;
  /** SQL condition: true if there is nothing to do. */
  readonly there: string;
  readonly sql: string;
  /** Requires a superuser: without one, the step is handed to somebody else. */
  readonly superuser?: boolean;
}

export interface VaultStep {
  readonly kind: 'vault';
  readonly title: string;
  /** Segments of its path, as `vaultPath` takes them. */
  readonly path: readonly (string | { readonly name: string })[];
  readonly body: Readonly<Record<string, unknown>>;
  /** The administrator's new password is added to it. */
  readonly withPassword?: boolean;
}

/** The administrator gets a random password until Vault rotates it. */
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
