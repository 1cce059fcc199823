/** Server-side apply, and what it changed. */
import { type Kubectl, saidBy } from '../kubectl.ts';
import { FIELD_MANAGER, find, type KubernetesObject, keyOf, listOf, nameOf, objectsIn } from '../objects.ts';
import { Refusal } from '../refusal.ts';

export interface Changes {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly unchanged: readonly string[];
}

/** @throws Refusal with what the API server said of each object that it refused. */
export async function apply(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
  options: { readonly force: boolean },
): Promise<Changes> {
  const before = await versionsOf(kubectl, objects);
  const args = [
    'apply',
    '--server-side',
    '--validate=strict',
    `--field-manager=${FIELD_MANAGER}`,
    ...(options.force ? ['--force-conflicts'] : []),
    '--output=json',
    '--filename=-',
  ];
  const { code, stdout, stderr } = await kubectl.run(args, listOf(objects));
  if (code !== 0) throw new Refusal(`not everything could be applied:\n  ${why(stderr)}`);
  const after = objectsIn(JSON.parse(stdout)).map((object) => ({
    name: nameOf(object),
    was: before.get(keyOf(object)),
    version: object.metadata.resourceVersion,
  }));
  const namesOf = (some: typeof after) => some.map(({ name }) => name);
  return {
    created: namesOf(after.filter(({ was }) => was === undefined)),
    changed: namesOf(after.filter(({ was, version }) => was !== undefined && was !== version)),
    unchanged: namesOf(after.filter(({ was, version }) => was === version)),
  };
}

// What kubectl goes on with is about its own options.
const ADVICE = /^Please review the fields above[\s\S]*?#conflicts$/gm;

function why(stderr: string): string {
  const said = saidBy(stderr.replace(ADVICE, ''));
  return /conflict/i.test(said)
    ? `${said}\nSomebody else has set these fields. To take them over, run it again with --force-conflicts`
    : said;
}

async function versionsOf(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
): Promise<Map<string, string | undefined>> {
  return new Map(
    (await find(kubectl, objects)).map((object) => [keyOf(object), object.metadata.resourceVersion]),
  );
}
