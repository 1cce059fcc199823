/** The environment variables that a database's annotations ask for, each with the text that it gets. */
import { ANNOTATION_PREFIX, fault, type Reading, readNames, type Settings } from './annotation-reading.ts';
import { parseConnectionUri } from './connection-uri.ts';
import { referencesIn } from './environment.ts';
import { hasPlaceholder, parseTemplate, type Template, templateOf } from './template.ts';

/** `template`: nothing but what `template-<VARIABLE>` and `file-<name>` ask for. */
export type Mode = 'classic' | 'uri' | 'template';

/** An environment variable that a pod gets. */
export interface Variable {
  readonly name: string;
  readonly template: Template;
}

export const CLASSIC_KEYS = ['env-key-dbuser', 'env-key-dbpassword'];
export const URI_KEYS = ['env-key-uri', 'template'];
const TEMPLATE_PREFIX = 'template-';
export const TEMPLATE_KEY = /^template-./;

const VARIABLE = /^[A-Za-z_.-][\w.-]*$/;
const VARIABLE_NAME = "an environment variable's name";

/** A database's settings; `named` adds the database's name to a key. */
export interface DatabaseSettings extends Reading {
  readonly settings: Settings;
  readonly named: (key: string) => string;
  readonly inSecret: boolean;
}

export function readVariables(database: DatabaseSettings): {
  readonly mode: Mode;
  readonly variables: readonly Variable[];
} {
  const templates = readTemplates(database);
  const mode = readMode(database);
  const variables = [...(mode === 'template' ? [] : variablesOfMode(mode, database)), ...templates];
  for (const { name, template } of variables) {
    const refers = template.some((part) => referencesIn(part).size > 0);
    if (!database.inSecret || !refers) continue;
    const key = database.settings.has(`${TEMPLATE_PREFIX}${name}`) ? `${TEMPLATE_PREFIX}${name}` : 'template';
    database.problems.add(() =>
      fault(database.named(key), '$(…)', 'no reference, since Kubernetes expands none in a Secret'),
    );
  }
  return { mode, variables };
}

function readMode({ settings, named, problems, warnings }: DatabaseSettings): Mode {
  const found = settings.get('mode') || '';
  // The reference accepts exactly these spellings of this mode, and only of this one.
  const spelled = ['URI', 'Uri'].includes(found) ? 'uri' : found;
  const hasOwnKeys = CLASSIC_KEYS.some((key) => settings.has(key));
  const hasTemplates = [...settings.keys()].some((key) => /^(?:template|file)-./.test(key));
  const mode = spelled || (hasTemplates && !hasOwnKeys ? 'template' : 'classic');
  if (mode !== 'classic' && mode !== 'uri' && mode !== 'template') {
    problems.add(() => fault(named('mode'), found, '"classic", "uri" or "template"'));
    return 'template';
  }
  if (mode === 'template' && !hasTemplates)
    problems.add(() => fault(named('template-<VARIABLE>'), '', 'one, or a file, in mode "template"'));
  const ofNoEffect = { classic: URI_KEYS, uri: CLASSIC_KEYS, template: [...URI_KEYS, ...CLASSIC_KEYS] }[mode];
  for (const key of ofNoEffect) {
    if (settings.has(key)) warnings.add(() => noEffect(key, mode, settings.get(key) ?? '', named));
  }
  return mode;
}

function noEffect(key: string, mode: Mode, value: string, named: (key: string) => string): string {
  const hint =
    key === 'template' && hasPlaceholder(value)
      ? `: write it as "${ANNOTATION_PREFIX}${named('template-<VARIABLE>')}", or set mode "uri" and "${ANNOTATION_PREFIX}${named('env-key-uri')}"`
      : '';
  return `annotation "${named(key)}" has no effect in mode "${mode}"${hint}`;
}

function variablesOfMode(mode: 'classic' | 'uri', database: DatabaseSettings): Variable[] {
  const { settings, named } = database;
  const variables = (key: string, fallback: string, template: Template) =>
    readNames(named(key), settings.get(key) || fallback, VARIABLE, VARIABLE_NAME, database).map((name) => ({
      name,
      template,
    }));
  if (mode === 'classic')
    return [
      ...variables('env-key-dbuser', 'DBUSER', templateOf('user')),
      ...variables('env-key-dbpassword', 'DBPASSWORD', templateOf('password')),
    ];
  return variables('env-key-uri', '', readConnectionUri(database));
}

function readConnectionUri({ settings, named, problems, warnings }: DatabaseSettings): Template {
  const text = settings.get('template') ?? '';
  const read = parseConnectionUri(text);
  if ('expected' in read) {
    problems.add(() => fault(named('template'), shown(text), read.expected));
    return [];
  }
  for (const remark of read.remarks) warnings.add(() => `annotation "${named('template')}" ${remark}`);
  return read.template;
}

/** Nothing of the text, which may contain a password. */
const shown = (text: string) => (text === '' ? '' : '…');

/** Variables of their own text: `template-<VARIABLE>`. */
function readTemplates({ settings, named, problems }: DatabaseSettings): Variable[] {
  return [...settings].flatMap(([key, text]) => {
    if (!TEMPLATE_KEY.test(key)) return [];
    const name = key.slice(TEMPLATE_PREFIX.length);
    if (!VARIABLE.test(name)) {
      problems.add(() => fault(named(key), name, VARIABLE_NAME));
      return [];
    }
    const parsed = parseTemplate(text);
    if ('template' in parsed) return [{ name, template: parsed.template }];
    problems.add(() => fault(named(key), shown(text), parsed.expected));
    return [];
  });
}
