/** What the API server would say to all of it, before any of it is changed. */
import pLimit from 'p-limit';
import { type Kubectl, saidBy } from '../kubectl.ts';
import {
  FIELD_MANAGER,
  find,
  type KubernetesObject,
  keyOf,
  listOf,
  NAMESPACE,
  nameOf,
  reference,
} from '../objects.ts';
import { Refusal } from '../refusal.ts';

const AT_ONCE = 8;
// A webhook of somebody else's that has never heard of dry runs: the real one it may well let pass.
const CANNOT_SAY = /does not support dry run/i;

// On a first installation, what is to be in a namespace that is not there yet is asked of this one.
const STAND_IN = 'default';
// What is wrong with an object in any namespace: its schema, or what Knative and cert-manager say of their own kinds. A
// policy or a quota speaks of the stand-in only.
const WRONG_ANYWHERE =
  /\bis invalid:|strict decoding error|unknown field|no matches for kind|webhook "[^"]*\.(?:knative\.dev|cert-manager\.io)" denied/i;

/**
 * A server-side dry run.
 *
 * @throws Refusal that names each object that would be refused, and of a conflict the fields and who has set them.
 */
export async function rehearse(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
  { force }: { readonly force: boolean },
): Promise<void> {
  const [namespace] = await find(kubectl, [reference('v1', 'Namespace', NAMESPACE)]);
  const isAhead = ({ metadata }: KubernetesObject) =>
    namespace === undefined && metadata.namespace === NAMESPACE;
  const refused = [
    ...(await refusedOf(
      kubectl,
      objects.filter((one) => !isAhead(one)).map((object) => ({ object, asked: object })),
      force,
    )),
    // By force: nobody has set anything of what is still to be made.
    ...(await refusedOf(kubectl, await inStandIn(kubectl, objects.filter(isAhead)), true)).filter(
      ({ said }) => WRONG_ANYWHERE.test(said),
    ),
  ];
  if (refused.length === 0) return;
  const isConflict = refused.some(({ said }) => conflictsIn(said).length > 0);
  const lines = refused.map(({ object, said }) => `  - ${whereOf(object)}: ${explained(said)}`);
  throw new Refusal(
    [
      'Nothing was changed. The API server would refuse:',
      ...lines,
      ...(isConflict
        ? [
            'What somebody else has set is left to them: change it there. To take it over, add --force-conflicts',
          ]
        : []),
    ].join('\n'),
  );
}

interface Asked {
  readonly object: KubernetesObject;
  /** What the API server is shown in its place. */
  readonly asked: KubernetesObject;
}

/** Without those whose names somebody has there already. */
async function inStandIn(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<Asked[]> {
  const all = objects.map((object) => ({
    object,
    asked: { ...object, metadata: { ...object.metadata, namespace: STAND_IN } },
  }));
  const taken = new Set(
    (
      await find(
        kubectl,
        all.map(({ asked }) => asked),
      )
    ).map(keyOf),
  );
  return all.filter(({ asked }) => !taken.has(keyOf(asked)));
}

async function refusedOf(kubectl: Kubectl, all: readonly Asked[], force: boolean) {
  const ask = (some: readonly Asked[]) =>
    dryRun(
      kubectl,
      some.map(({ asked }) => asked),
      force,
    );
  if (all.length === 0 || (await ask(all)) === undefined) return [];
  // One after the other: what kubectl says of many does not say of which.
  const each = await pLimit(AT_ONCE).map(all, async (one) => {
    const said = await ask([one]);
    return said === undefined || CANNOT_SAY.test(said) ? [] : [{ object: one.object, said }];
  });
  return each.flat();
}

/** @returns what kubectl said; `undefined` where all would be accepted. */
async function dryRun(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
  force: boolean,
): Promise<string | undefined> {
  const args = [
    'apply',
    '--server-side',
    '--dry-run=server',
    '--validate=strict',
    `--field-manager=${FIELD_MANAGER}`,
    ...(force ? ['--force-conflicts'] : []),
    '--output=name',
    '--filename=-',
  ];
  const { code, stderr } = await kubectl.run(args, listOf(objects));
  return code === 0 ? undefined : stderr;
}

const whereOf = (object: KubernetesObject): string =>
  object.metadata.namespace === undefined
    ? nameOf(object)
    : `${nameOf(object)} in ${object.metadata.namespace}`;

interface Conflict {
  readonly manager: string;
  readonly fields: string;
}

/** `conflict with "gitops" using batch/v1: .spec.schedule`, or several, each on a line of its own. */
function conflictsIn(said: string): Conflict[] {
  return [...said.matchAll(/conflicts? with "([^"]+)"[^:\n]*:((?:\s*(?:- )?\.[^\n]+)+)/g)].map(
    ([, manager = '', fields = '']) => ({
      manager,
      fields: fields
        .split('\n')
        .map((field) => field.replace(/^\s*(?:- )?/, '').trim())
        .filter((field) => field !== '')
        .join(', '),
    }),
  );
}

function explained(said: string): string {
  const conflicts = conflictsIn(said);
  if (conflicts.length === 0) return saidBy(said.replace(/^error: /i, ''));
  return conflicts.map(({ manager, fields }) => `"${manager}" has set ${fields}`).join('; ');
}
