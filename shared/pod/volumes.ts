/**
 * Files with credentials -> volumes of the pod's Secret. Each volume is mounted as a directory: a single file that is
 * mounted (`subPath`) would never change, and rotation replaces the Secret's content.
 */

import { posix } from 'node:path';
import { containersOf, type Pod, type PodContainer } from './pod.ts';
import { baseName, directoryOf, type RequestedFile } from './requested-files.ts';

/** A directory in the containers, which the Secret fills. */
interface Directory {
  readonly path: string;
  readonly files: readonly RequestedFile[];
}

export interface PodVolume {
  readonly name: string;
  readonly secret: {
    readonly secretName: string;
    readonly defaultMode: number;
    readonly items: readonly { readonly key: string; readonly path: string; readonly mode?: number }[];
  };
}
export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly: true;
}

const EVERYBODY = 0o444;
const GROUP = 0o440;
const OWNER = 0o400;
const VOLUME_NAME = 'db-creds';

/** Directories below another one are folders of its volume: nothing can be mounted into a read-only one. */
function directoriesOf(files: readonly RequestedFile[]): Directory[] {
  const paths = [...new Set(files.map(({ path }) => directoryOf(path)))];
  const tops = paths.filter((path) => !paths.some((other) => path.startsWith(`${other}/`)));
  return tops.map((path) => ({ path, files: files.filter((file) => file.path.startsWith(`${path}/`)) }));
}

/** The volumes, and where they are mounted; empty without files. */
export function volumesFor(
  pod: Pod,
  files: readonly RequestedFile[],
  secretName: string,
): { readonly volumes: PodVolume[]; readonly mounts: VolumeMount[] } {
  const taken = new Set(pod.spec.volumes?.map(({ name }) => name));
  const defaultMode = hasGroup(pod) ? GROUP : EVERYBODY;
  const made = directoriesOf(files).map((directory, index) => {
    const name = freeName(`${VOLUME_NAME}-${index + 1}`, taken);
    const items = directory.files.map(({ path, key, isPrivate }) => ({
      key,
      path: path.slice(directory.path.length + 1),
      ...(isPrivate && { mode: OWNER }),
    }));
    return {
      volume: { name, secret: { secretName, defaultMode, items } },
      mount: { name, mountPath: directory.path, readOnly: true as const },
    };
  });
  return { volumes: made.map(({ volume }) => volume), mounts: made.map(({ mount }) => mount) };
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  return taken.has(wanted) ? freeName(`${wanted}-0`, taken) : wanted;
}

/** One sentence for each directory that a container's own volumes leave no room for, and each file that nobody could use. */
export function volumeProblems(
  pod: Pod,
  files: readonly RequestedFile[],
  only: readonly string[] | undefined,
): string[] {
  const names = only && new Set(only);
  const given = containersOf(pod)
    .map(({ container }) => container)
    .filter(({ name }) => !names || names.has(name));
  const problems = directoriesOf(files).flatMap((directory) =>
    given.flatMap((container) => collisions(directory, container, pod)),
  );
  const unusable = files.filter(({ isPrivate }) => isPrivate && given.some((one) => !isForRoot(one, pod)));
  return [...problems, ...unusable.map(({ path }) => notForRoot(path))];
}

function collisions({ path, files }: Directory, container: PodContainer, pod: Pod): string[] {
  return (container.volumeMounts ?? []).flatMap(({ name, mountPath, readOnly }) => {
    const own = posix.resolve('/', mountPath);
    const isWithin = own === path || own.startsWith(`${path}/`);
    const isAround =
      path.startsWith(own === '/' ? own : `${own}/`) && (readOnly === true || isReadOnly(name, pod));
    return isWithin || isAround
      ? [
          `file "${files[0]?.path}" needs the directory "${path}", and container "${container.name}" has its volume "${name}" at "${mountPath}": expected another path`,
        ]
      : [];
  });
}

/** Volumes in which the runtime can make no directory to mount another one at. */
function isReadOnly(name: string, { spec }: Pod): boolean {
  const volume = spec.volumes?.find((one) => one.name === name);
  return ['configMap', 'secret', 'projected', 'downwardAPI'].some((kind) => volume?.[kind] !== undefined);
}

const hasGroup = ({ spec }: Pod) => typeof spec.securityContext?.fsGroup === 'number';

/** Kubernetes gives the files of a Secret to root, and lets the pod's fsGroup read them. */
function isForRoot({ securityContext }: PodContainer, pod: Pod): boolean {
  const { spec } = pod;
  const user = securityContext?.runAsUser ?? spec.securityContext?.runAsUser ?? 0;
  const nonRoot = securityContext?.runAsNonRoot ?? spec.securityContext?.runAsNonRoot ?? false;
  return user === 0 && !nonRoot && !hasGroup(pod);
}

function notForRoot(path: string): string {
  return `file "${path}" would be ignored by psql, which wants it to be its user's alone: Kubernetes gives it to root, or with fsGroup to a group; expected format "pgservice" with PGSERVICEFILE=${directoryOf(path)}/pg_service.conf, or variables such as PGPASSWORD (not "${baseName(path)}")`;
}
