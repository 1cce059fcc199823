/** Images of the cluster's parts, in its own registry: made by buildah, once for each version of a part. */
import { access, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedPath, type PartName, parts } from '../stack/install/parts.ts';
import { run, withClock } from '../stack/install/run.ts';
import type { Report } from '../stack/progress.ts';
import type { ClusterPart } from './install/parts.ts';
import { binary, paths } from './paths.ts';
import { registry, versions } from './settings.ts';

interface Image {
  /** Name with its tag, below the registry's. */
  readonly name: string;
  readonly part: ClusterPart | PartName;
  /** Path in the image. */
  readonly program: string;
  readonly user: number;
}

const SERVING = 'v0.48.0';
const EVENTING = 'v0.47.0';
const ofPart = (name: string, part: Image['part'], user = 65_532): Image => ({
  name,
  part,
  program: `/ko-app/${part}`,
  user,
});

const images: readonly Image[] = [
  ...(['controller', 'webhook', 'activator', 'autoscaler', 'queue'] as const).map((name) =>
    ofPart(`knative/serving-${name}:${SERVING}`, `serving-${name}`),
  ),
  ofPart(`knative/kourier:${SERVING}`, 'kourier'),
  ...(
    [
      'controller',
      'webhook',
      'mtchannel_broker',
      'broker-ingress',
      'broker-filter',
      'channel_controller',
      'channel_dispatcher',
      'apiserver_receive_adapter',
      'jobsink',
    ] as const
  ).map((name) => ofPart(`knative/eventing-${name}:${EVENTING}`, `eventing-${name}`)),
  ...(['controller', 'webhook', 'cainjector'] as const).map((name) =>
    ofPart(`cert-manager/${name}:${versions.certManager}`, `cert-manager-${name}`),
  ),
  ofPart(`coredns:${versions.coredns}`, 'coredns', 0),
  { name: `envoy:${versions.envoy}`, part: 'envoy', program: '/usr/local/bin/envoy', user: 65_534 },
];

/** Images that only the monitoring add-on needs. */
const monitoringImages: readonly Image[] = [
  ofPart(`prometheus-operator:${versions.prometheusOperator}`, 'prometheus-operator'),
  {
    ...ofPart(`prometheus-config-reloader:${versions.prometheusOperator}`, 'prometheus-config-reloader'),
    // The operator's name for it.
    program: '/bin/prometheus-config-reloader',
  },
  ofPart(`prometheus:${versions.prometheus}`, 'prometheus-server'),
  ofPart(`pushgateway:${versions.pushgateway}`, 'prometheus-pushgateway'),
];

export const storage = ['--root', join(paths.images, 'storage'), '--runroot', join(paths.state, 'buildah')];
const buildah = (...args: readonly string[]) => run({ command: 'buildah', args: [...storage, ...args] });

/** @returns the reference by which containerd pulls it. */
export const referenceOf = (name: string): string => `${registry.name}/${name}`;

export async function push(local: string, name: string): Promise<void> {
  const options = ['--tls-verify=false', '--disable-compression'];
  await buildah('push', ...options, local, `docker://${registry.address}/${name}`);
}

/** @param options more of buildah's own. */
export const buildFrom = (folder: string, tag: string, ...options: readonly string[]): Promise<string> =>
  buildah(
    ...['build', '--isolation', 'chroot', '--pull=never', '--format', 'docker', '--tag', tag],
    ...options,
    folder,
  );

export const isBuilt = (image: string): Promise<boolean> =>
  buildah('inspect', '--type', 'image', image).then(
    () => true,
    () => false,
  );

/** Builds what the Containerfile says, with these files beside it. */
export async function build(
  tag: string,
  containerfile: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vdi-image-'));
  try {
    await writeFile(join(folder, 'Containerfile'), containerfile);
    for (const [name, source] of Object.entries(files)) await copyFile(source, join(folder, name));
    await buildFrom(folder, tag);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const minimal = join(paths.images, 'minimal.tar');
export const BASE = 'localhost/base';

/** A small Debian: the parts are linked to its libc. */
async function makeBase(report: Report): Promise<void> {
  await mkdir(paths.images, { recursive: true });
  const there = await access(minimal).then(
    () => true,
    () => false,
  );
  if (!there) {
    const left = ['man', 'doc', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
    const options = [
      '--variant=minbase',
      '--include=ca-certificates,tzdata',
      '--aptopt=APT::Sandbox::User "root"',
    ];
    const make = run({ command: 'mmdebstrap', args: [...options, ...left, 'bookworm', minimal] });
    await withClock(report, () => 'making a small Debian', make);
  }
  if (await isBuilt(BASE)) return;
  await build(BASE, 'FROM scratch\nADD minimal.tar /\n', { 'minimal.tar': minimal });
}

async function isInRegistry(name: string): Promise<boolean> {
  const [repository, tag] = name.split(':');
  const accept =
    'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';
  const url = `http://${registry.address}/v2/${repository}/manifests/${tag}`;
  return (await fetch(url, { method: 'HEAD', headers: { accept } })).ok;
}

/** The image that every pod begins with: a process that waits, and reaps what the others leave. */
const PAUSE = `#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int s) { _exit(0); }
static void reap(int s) { while (waitpid(-1, 0, WNOHANG) > 0); }
int main(void) { signal(SIGINT, end); signal(SIGTERM, end); signal(SIGCHLD, reap); for (;;) pause(); }
`;

async function makePause(): Promise<void> {
  if (await isInRegistry('pause:3.10')) return;
  const source = join(paths.images, 'pause.c');
  await writeFile(source, PAUSE);
  await run({ command: 'gcc', args: ['-Os', '-static', '-o', join(paths.images, 'pause'), source] });
  await build('localhost/pause', 'FROM scratch\nCOPY pause /pause\nUSER 65535\nENTRYPOINT ["/pause"]\n', {
    pause: join(paths.images, 'pause'),
  });
  await push('localhost/pause', 'pause:3.10');
}

/** Which recipe an image was made by: another version of its part makes it again. */
const noteOf = ({ name }: Image) => join(paths.images, `${name.replaceAll('/', '_')}.recipe`);

const isOfStack = (part: Image['part']): part is PartName => part in parts;
const fileOf = (part: Image['part']): string => (isOfStack(part) ? installedPath(part) : binary(part));

async function makeImage(image: Image): Promise<void> {
  const recipe = await readFile(`${fileOf(image.part)}.recipe`, 'utf8');
  const made = await readFile(noteOf(image), 'utf8').catch(() => '');
  if (made === recipe && (await isInRegistry(image.name))) return;
  const { part, program, user } = image;
  const tag = `localhost/${part}`;
  const containerfile = `FROM ${BASE}\nCOPY program ${program}\nUSER ${user}\nENTRYPOINT ["${program}"]\n`;
  await build(tag, containerfile, { program: fileOf(part) });
  await push(tag, image.name);
  await writeFile(noteOf(image), recipe);
}

/** Builds the images that the registry does not have yet. */
export async function makeImages(report: Report): Promise<void> {
  await makeBase(report);
  await makePause();
  for (const image of images) {
    report(image.name);
    await makeImage(image);
  }
}

/** The same for the monitoring add-on, in a cluster that is up. */
export async function makeMonitoringImages(): Promise<void> {
  for (const image of monitoringImages) await makeImage(image);
}
