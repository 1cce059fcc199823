/**
 * Files with credentials -> volumes of the pod's Secret. Each volume is mounted as a directory: a single file that is
 * mounted (`subPath`) would never change with the Secret.
 */

import { posix } from 'node:path';
import { printable } from '../secret.ts';
import type { Pod, PodContainer } from './pod.ts';
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
  given: readonly PodContainer[],
): string[] {
  if (files.length === 0) return [];
  const directories = directoriesOf(files);
  const readOnly = new Set(pod.spec.volumes?.filter(isReadOnly).map(({ name }) => name));
  const collisions = given.flatMap((container) =>
    mountsOf(container).flatMap((mount) => {
      const isClosed = mount.isReadOnly || readOnly.has(mount.name);
      const taken = directories.find(
        ({ path }) => isWithin(mount.path, path) || (isClosed && isWithin(path, mount.path)),
      );
      return taken ? [collision(taken, mount, container)] : [];
    }),
  );
  const unusable = files.filter(({ isPrivate }) => isPrivate && given.some((one) => !mayBeForRoot(one, pod)));
  return [...collisions, ...unusable.map(({ path }) => notForRoot(path))];
}

interface Mount {
  readonly name: string;
  readonly path: string;
  readonly isReadOnly: boolean;
}

function mountsOf({ volumeMounts, volumeDevices }: PodContainer): Mount[] {
  const mounts = (volumeMounts ?? []).map(({ name, mountPath, readOnly }) => ({
    name,
    path: posix.resolve('/', mountPath),
    isReadOnly: readOnly === true,
  }));
  const devices = (volumeDevices ?? []).map(({ name, devicePath }) => ({
    name,
    path: posix.resolve('/', devicePath),
    isReadOnly: true,
  }));
  return [...mounts, ...devices];
}

const isWithin = (path: string, directory: string): boolean =>
  path === directory || directory === '/' || path.startsWith(`${directory}/`);

function collision({ path, files }: Directory, mount: Mount, container: PodContainer): string {
  const [own, place, name] = [mount.name, mount.path, container.name].map((text) => printable(text, 80));
  return `file "${files[0]?.path}" needs the directory "${path}", and container "${name}" has its volume "${own}" at "${place}": expected another path`;
}

const READ_ONLY_KINDS = ['configMap', 'secret', 'projected', 'downwardAPI', 'image'];
/** Volumes in which the runtime can make no directory to mount another one at. */
function isReadOnly(volume: NonNullable<Pod['spec']['volumes']>[number]): boolean {
  return READ_ONLY_KINDS.some((kind) => volume[kind] !== undefined);
}

const hasGroup = ({ spec }: Pod) => typeof spec.securityContext?.fsGroup === 'number';

/** Kubernetes gives the files of a Secret to root, and lets the pod's fsGroup read them. Without a user here, the image names it. */
function mayBeForRoot({ securityContext }: PodContainer, pod: Pod): boolean {
  const { spec } = pod;
  const user = securityContext?.runAsUser ?? spec.securityContext?.runAsUser ?? 0;
  const nonRoot = securityContext?.runAsNonRoot ?? spec.securityContext?.runAsNonRoot ?? false;
  return user === 0 && !nonRoot && !hasGroup(pod);
}

function notForRoot(path: string): string {
  return `file "${path}" would be ignored by psql, which wants it to be its user's alone: Kubernetes gives it to root, or with fsGroup to a group; expected format "pgservice" with PGSERVICEFILE=${directoryOf(path)}/pg_service.conf, or variables such as PGPASSWORD (not "${baseName(path)}")`;
}

/** Files that only root can read, where the image may name another user. */
export function volumeWarnings(
  pod: Pod,
  files: readonly RequestedFile[],
  given: readonly PodContainer[],
): string[] {
  const isUnknown = ({ securityContext }: PodContainer) =>
    (securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? undefined) === undefined;
  return files
    .filter(({ isPrivate }) => isPrivate && given.some(isUnknown))
    .map(
      ({ path }) =>
        `file "${path}" can be read by root alone: if the image names another user, set format "pgservice", or variables such as PGPASSWORD`,
    );
}
