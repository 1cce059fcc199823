/** Dry-runs everything against the API server before anything is changed. */
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
import type { Applying } from './apply.ts';

const AT_ONCE = 8;
// Somebody else's webhook does not support dry runs: it may well accept the real request.
const CANNOT_SAY = /does not support dry run/i;

// A first installation dry-runs namespaced objects here, since their own namespace does not exist yet.
const STAND_IN = 'default';
// Faults of an object in any namespace: its schema, or what Knative and cert-manager say about their own kinds. A
// policy or a quota concerns only the stand-in.
const WRONG_ANYWHERE =
  /\bis invalid:|strict decoding error|unknown field|no matches for kind|webhook "[^"]*\.(?:knative\.dev|cert-manager\.io)" denied/i;

// Knative tries a Service's pod out, too: in the stand-in it has no service account, and other policies and quotas.
const TRIED_AS_POD = /\bdry run failed with pods\b/i;

/**
 * A server-side dry run.
 *
 * @throws Refusal that names each object that would be refused, and for a conflict the fields and their owners.
 */
export async function rehearse(
  kubectl: Kubectl,
  objects: readonly KubernetesObject[],
  { force = false }: Applying,
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
    // Forced: nobody else owns fields of objects that do not exist yet.
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
            'Fields of other owners are left alone: change them there. To take them over, add --force-conflicts',
          ]
        : []),
    ].join('\n'),
  );
}

interface Asked {
  readonly object: KubernetesObject;
  /** The object that the dry run uses instead. */
  readonly asked: KubernetesObject;
}

/** Leaves out names that are already taken there. */
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
  // One object at a time: kubectl's messages about many do not say which one they mean.
  const each = await pLimit(AT_ONCE).map(notAmong(accepted, all), async (one) => {
    const { said } = await ask([one]);
    return said === undefined || CANNOT_SAY.test(said) ? [] : [{ object: one.object, said }];
  });
  return each.flat();
}

interface Rehearsed {
  /** kubectl's message about refused objects; `undefined` without any. */
  readonly said: string | undefined;
  /** The other objects, by kubectl's names: without their namespace. */
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

/** The form of `--output=name`: `cronjob.batch/renewal`. */
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
