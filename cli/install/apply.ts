/** Server-side apply, and what it changed. */
import { isDeepStrictEqual } from 'node:util';
import { type Kubectl, saidBy } from '../kubectl.ts';
import { FIELD_MANAGER, find, type KubernetesObject, keyOf, listOf, nameOf, objectsIn } from '../objects.ts';
import { Refusal } from '../refusal.ts';

export interface Applying {
  /** Takes over fields of other owners. */
  readonly force?: boolean | undefined;
}

export interface Changes {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly unchanged: readonly string[];
}

/** @throws Refusal with the API server's message for each object that it refused. */
export async function apply(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
  options: Applying,
): Promise<Changes> {
  const before = new Map((await find(kubectl, objects)).map((object) => [keyOf(object), object]));
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
  const after = objectsIn(JSON.parse(stdout));
  const namesOf = (pick: (was: KubernetesObject | undefined, is: KubernetesObject) => boolean) =>
    after.filter((object) => pick(before.get(keyOf(object)), object)).map(nameOf);
  const isAsBefore = (was: KubernetesObject, is: KubernetesObject) =>
    isDeepStrictEqual(asAsked(was), asAsked(is));
  return {
    created: namesOf((was) => was === undefined),
    changed: namesOf((was, is) => was !== undefined && !isAsBefore(was, is)),
    unchanged: namesOf((was, is) => was !== undefined && isAsBefore(was, is)),
  };
}

// Controllers write an object's status at any time, which changes its version: that is not a change of ours.
function asAsked({ metadata, status: _, ...rest }: KubernetesObject): object {
  const { resourceVersion, managedFields, generation, ...named } = metadata;
  return { ...rest, metadata: named };
}

// kubectl continues with advice about its own options.
const ADVICE = /^Please review the fields above[\s\S]*?#conflicts$/gm;

function why(stderr: string): string {
  const said = saidBy(stderr.replace(ADVICE, ''));
  return /conflict/i.test(said)
    ? `${said}\nThese fields have another owner. To take them over, run it again with --force-conflicts`
    : said;
}
