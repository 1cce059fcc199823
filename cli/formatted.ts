import { stringify } from 'yaml';

/** Output for programs. */
export const formatted = (format: 'json' | 'yaml', value: object): string =>
  format === 'json'
    ? JSON.stringify(value, null, 2)
    : stringify(value, { aliasDuplicateObjects: false }).trimEnd();
