/** Ready formats of files with credentials, each a template. */
import { parseTemplate, type Template } from './template.ts';

export type FileFormat = keyof typeof CONTENTS;

const CONTENTS = {
  /** Vault's own answer, as `curl` stores it (https://developer.hashicorp.com/vault/api-docs/secret/databases#sample-response-4). */
  vault:
    '{"lease_id": {{lease_id|json}}, "renewable": true, "lease_duration": {{lease_seconds}}, "data": {"username": {{user|json}}, "password": {{password|json}}}}\n',
  json: '{"username": {{user|json}}, "password": {{password|json}}}\n',
  pgpass: '*:*:*:{{user|pgpass}}:{{password|pgpass}}\n',
  /** The service's name is the database's (https://www.postgresql.org/docs/current/libpq-pgservice.html). */
  pgservice: '[{{database|pgservice}}]\nuser={{user|pgservice}}\npassword={{password|pgservice}}\n',
  mycnf: '[client]\nuser={{user|mycnf}}\npassword={{password|mycnf}}\n',
  env: 'DBUSER={{user|shell}}\nDBPASSWORD={{password|shell}}\n',
  properties: 'username={{user|properties}}\npassword={{password|properties}}\n',
} as const;

/** Names of files that tell their format; the first that matches. */
const BY_NAME: readonly (readonly [RegExp, FileFormat])[] = [
  [/^\.?pgpass$/, 'pgpass'],
  [/^\.?pg_service\.conf$/, 'pgservice'],
  [/^creds\.json$/, 'vault'],
  [/\.json$/, 'json'],
  [/\.cnf$/, 'mycnf'],
  [/\.env$/, 'env'],
  [/\.properties$/, 'properties'],
];

export const FILE_FORMATS = Object.keys(CONTENTS);

export const isFileFormat = (name: string): name is FileFormat => Object.hasOwn(CONTENTS, name);

export function formatOfName(fileName: string): FileFormat | undefined {
  return BY_NAME.find(([pattern]) => pattern.test(fileName))?.[1];
}

export function contentOf(format: FileFormat): Template {
  const parsed = parseTemplate(CONTENTS[format]);
  return 'template' in parsed ? parsed.template : [];
}
