/**
 * The product's image from its own Dockerfile. Its two base images come from registries that may be out of reach: then they
 * are made here, as like them as the machine's parts allow.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../stack/install/run.ts';
import { nodeProgram, projectRoot } from '../stack/paths.ts';
import { BASE, buildFrom, isBuilt, push, referenceOf, storage } from './images.ts';

const NODE_IMAGE = 'docker.io/library/node:24-bookworm-slim';
const RUNTIME_IMAGE = 'gcr.io/distroless/nodejs24-debian12:nonroot';

const buildah = (args: readonly string[], cwd?: string) =>
  run({ command: 'buildah', args: [...storage, ...args], ...(cwd !== undefined && { cwd }) });

// What distroless has: libc and libstdc++, certificates, time zones, Node, no shell, and user 65532.
const RUNTIME = `FROM ${BASE} AS debian
FROM scratch
COPY --from=debian /lib/x86_64-linux-gnu/libc.so.6 /lib/x86_64-linux-gnu/libm.so.6 /lib/x86_64-linux-gnu/libdl.so.2 /lib/x86_64-linux-gnu/libpthread.so.0 /lib/x86_64-linux-gnu/librt.so.1 /lib/x86_64-linux-gnu/libresolv.so.2 /lib/x86_64-linux-gnu/libnss_dns.so.2 /lib/x86_64-linux-gnu/libnss_files.so.2 /lib/x86_64-linux-gnu/libgcc_s.so.1 /lib/x86_64-linux-gnu/
COPY --from=debian /lib64/ld-linux-x86-64.so.2 /lib64/
COPY --from=debian /usr/lib/x86_64-linux-gnu/libstdc++.so.6 /usr/lib/x86_64-linux-gnu/
COPY --from=debian /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=debian /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY passwd group /etc/
COPY node /nodejs/bin/node
COPY --chown=65532:65532 home /home/nonroot
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532
WORKDIR /home/nonroot
ENTRYPOINT ["/nodejs/bin/node"]
`;
const BUILDER = `FROM ${BASE}
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
CMD ["node"]
`;

async function makeBases(): Promise<void> {
  if ((await isBuilt(NODE_IMAGE)) && (await isBuilt(RUNTIME_IMAGE))) return;
  const folder = await mkdtemp(join(tmpdir(), 'vdi-bases-'));
  const make = (tag: string, file: string) => buildFrom(folder, tag, '--file', file);
  try {
    await run({ command: 'cp', args: ['--dereference', nodeProgram, join(folder, 'node')] });
    const npm = (await run({ command: 'npm', args: ['root', '--global'] })).trim();
    await run({ command: 'cp', args: ['--recursive', join(npm, 'npm'), join(folder, 'npm')] });
    await run({ command: 'cp', args: ['/etc/ssl/certs/ca-certificates.crt', join(folder, 'ca.crt')] });
    await run({ command: 'mkdir', args: [join(folder, 'home')] });
    await writeFile(
      join(folder, 'passwd'),
      'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
    );
    await writeFile(join(folder, 'group'), 'root:x:0:\nnonroot:x:65532:\n');
    await writeFile(join(folder, 'runtime'), RUNTIME);
    await writeFile(join(folder, 'builder'), BUILDER);
    await make(NODE_IMAGE, join(folder, 'builder'));
    await make(RUNTIME_IMAGE, join(folder, 'runtime'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Builds what the folder's Dockerfile says and puts it into the cluster's registry.
 *
 * @returns its reference.
 */
export async function buildFromDockerfile(
  folder: string,
  name: string,
  values: Readonly<Record<string, string>> = {},
): Promise<string> {
  await makeBases();
  const args = ['build', '--isolation', 'chroot', '--pull=never', '--format', 'docker'];
  const given = Object.entries(values).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
  await buildah([...args, ...given, '--tag', `localhost/${name}`, '.'], folder);
  await push(`localhost/${name}`, name);
  return referenceOf(name);
}

/** The checkout's own. @returns its reference. */
export async function buildProductImage(tag: string): Promise<string> {
  const revision = (await run({ command: 'git', args: ['rev-parse', 'HEAD'], cwd: projectRoot })).trim();
  return buildFromDockerfile(projectRoot, `vault-db-injector:${tag}`, { VERSION: tag, REVISION: revision });
}
