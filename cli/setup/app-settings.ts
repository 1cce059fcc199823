/** What follows from the options of `setup app`. */
import type { AppOptions } from './command.ts';
import { asVaultName } from './names.ts';

export interface AppSettings
  extends Pick<AppOptions, 'namespace' | 'serviceAccount' | 'role' | 'mount' | 'authPath'> {
  /** Name of policy and auth role. */
  readonly name: string;
  /** Name in the pod's annotations. */
  readonly database: string;
}

/** @throws Misuse */
export function appSettingsOf(options: AppOptions): AppSettings {
  const { namespace, serviceAccount, role } = options;
  return {
    ...options,
    name: options.name ?? asVaultName(`${namespace}-${serviceAccount}`, '--name'),
    database: options.database ?? asDatabaseName(role),
  };
}

function asDatabaseName(role: string): string {
  const made = role.replace(/[^\w.-]/g, '-').slice(0, 40);
  return made.replace(/^[\W_]+|[\W_]+$/g, '') || 'database';
}
