/** Where the configuration comes from: a YAML file, and the environment, which overrides it. */
import { loadAll } from 'js-yaml';
import { CONFIGURATION_KEYS, environmentName, keys } from './config-keys.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** All given values by key; the environment overrides the file. */
export function readGiven(
  file: string | undefined,
  environment: Environment,
  faults: string[],
): Record<string, unknown> {
  return { ...fromFile(file, faults), ...fromEnvironment(environment, faults) };
}

function fromFile(file: string | undefined, faults: string[]): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(readYaml(file, faults))) {
    // The reference's document spells this one key with a capital, its code without.
    const key = name === 'SyncTTLSecond' ? 'syncTTLSecond' : name;
    if (!Object.hasOwn(keys, key)) faults.push(`${name}: is not a known key`);
    else if (Object.hasOwn(given, key)) faults.push(`${name}: is set twice`);
    else if (value !== null && value !== '') given[key] = value;
  }
  return given;
}

/** A file of comments only parses to null. */
function oneDocument(file: string): unknown {
  const [document, ...more] = loadAll(file);
  if (more.length > 0) throw new Error('it holds more than one document');
  return document;
}

function readYaml(file: string | undefined, faults: string[]): Record<string, unknown> {
  if (file === undefined) return {};
  try {
    const parsed: unknown = oneDocument(file) ?? {};
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw new Error('expected keys');
    return Object.fromEntries(Object.entries(parsed));
  } catch (error) {
    // Only the first line: the parser's message goes on to quote the text around the fault, which may be a DSN.
    const [reason = ''] = error instanceof Error ? error.message.split('\n') : [];
    faults.push(`the file is not a YAML mapping: ${reason}`);
    return {};
  }
}

// Kubernetes adds such variables for every Service in the namespace, including one called "injector".
const SERVICE_LINK = /_(?:SERVICE_HOST$|SERVICE_PORT(?:$|_.)|PORT(?:$|_\d{1,5}_(?:TCP|UDP|SCTP)(?:$|_.)))/;

/** A key that ends in "PORT" is a number; a Service's variable is a URL. */
function isServiceLink(name: string, value: string, isKey: boolean): boolean {
  return SERVICE_LINK.test(name) && (!isKey || value.includes('://'));
}

function fromEnvironment(environment: Environment, faults: string[]): Record<string, string> {
  const byName = new Map(CONFIGURATION_KEYS.map((key) => [environmentName(key), key]));
  const { METRICS_PUSH_URL, K_SINK } = environment;
  const given: Record<string, string> = {
    ...(METRICS_PUSH_URL && { metricsPushUrl: METRICS_PUSH_URL }),
    // Knative's SinkBinding sets it.
    ...(K_SINK && { replaySink: K_SINK }),
  };
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('INJECTOR_') || !value) continue;
    const key = byName.get(name);
    if (isServiceLink(name, value, key !== undefined)) continue;
    if (key) given[key] = value;
    else faults.push(`${name}: is not the name of a key in the environment`);
  }
  return given;
}
