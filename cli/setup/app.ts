/** `setup app`: lets pods have credentials of a database role, and prints their annotations. */

import { ANNOTATION_PREFIX } from '../../shared/annotations.ts';
import type { Caller } from '../command.ts';
import { appPlan, lookAtApp } from './app-plan.ts';
import { type AppSettings, appSettingsOf } from './app-settings.ts';
import { apply } from './apply.ts';
import type { AppOptions } from './command.ts';
import { openVault } from './operator.ts';
import { show } from './show.ts';

/** @returns the exit code. */
export async function setUpApp(options: AppOptions, { environment, terminal }: Caller): Promise<number> {
  const settings = appSettingsOf(options);
  const vault = openVault(options, environment);
  try {
    terminal.progress('reading Vault …');
    await vault.mustAnswer();
    const state = await lookAtApp(vault, settings);
    const plan = appPlan(settings, state);
    show(plan, true, terminal);
    if (options.dryRun) return 0;
    const open = plan.some((one) => one.state !== 'there');
    if (open && !options.yes) await terminal.mustConfirm('Do this in Vault?', 'nothing was done');
    await apply(plan, { vault, terminal });
    terminal.say(`\nWhat its pods need:\n\n${podNeeds(settings, state.connectionUrl)}`);
    return 0;
  } finally {
    vault.close();
  }
}

/** Printed as in a manifest. */
function podNeeds(settings: AppSettings, connectionUrl: string | undefined): string {
  const { database, mount, role, name } = settings;
  const template = connectionUrl?.replace(/^(?:postgres|postgresql):\/\/(?:.*@)?/s, 'postgres://@');
  const ofDatabase: readonly (readonly [string, string])[] = [
    ['role', role],
    ...(name === role ? [] : [['auth-role', name] as const]),
    ...(template?.startsWith('postgres://@')
      ? [['mode', 'uri'] as const, ['template', template] as const, ['env-key-uri', 'DATABASE_URL'] as const]
      : []),
  ];
  const annotations = [
    ['cluster', mount] as const,
    ...ofDatabase.map(([key, value]) => [`${database}.${key}`, value] as const),
  ];
  return `metadata:
  labels:
    vault-db-injector: "true"
  annotations:
${annotations.map(([key, value]) => `    ${ANNOTATION_PREFIX}${key}: ${JSON.stringify(value)}`).join('\n')}
spec:
  serviceAccountName: ${settings.serviceAccount}`;
}
