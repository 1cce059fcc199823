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

// Knative tries a Service's pod out, too: in the stand-in it has no service account, and other policies and quotas.
const TRIED_AS_POD = /\bdry run failed with pods\b/i;

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
      ({ said }) => WRONG_ANYWHERE.test(said) && !TRIED_AS_POD.test(said),
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
  if (all.length === 0) return [];
  const { said, accepted } = await ask(all);
  if (said === undefined) return [];
  // Each by itself: what kubectl says of several does not say of which.
  const each = await pLimit(AT_ONCE).map(notAmong(accepted, all), async (one) => {
    const { said } = await ask([one]);
    return said === undefined || CANNOT_SAY.test(said) ? [] : [{ object: one.object, said }];
  });
  return each.flat();
}

interface Rehearsed {
  /** By kubectl, of those that would be refused; `undefined` where there are none. */
  readonly said: string | undefined;
  /** The others, as kubectl names them: without their namespace. */
  readonly accepted: readonly string[];
}

async function dryRun(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
  force: boolean,
): Promise<Rehearsed> {
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
  const { code, stdout, stderr } = await kubectl.run(args, listOf(objects));
  return { said: code === 0 ? undefined : stderr, accepted: stdout.split('\n').map((line) => line.trim()) };
}

/** Where one of several of the same name was not accepted, all of them. */
function notAmong(accepted: readonly string[], all: readonly Asked[]): readonly Asked[] {
  const count = (names: readonly string[], name: string) => names.filter((one) => one === name).length;
  const names = all.map(({ asked }) => kubectlNameOf(asked));
  return all.filter((_, index) => {
    const name = names[index] ?? '';
    return count(accepted, name) < count(names, name);
  });
}

/** As `--output=name` has it: `cronjob.batch/renewal`. */
function kubectlNameOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const [group] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  return `${kind.toLowerCase()}${group === undefined ? '' : `.${group}`}/${metadata.name}`;
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
