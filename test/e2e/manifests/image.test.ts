/** The image, as far as it can be looked at without a container engine: what it is made of, and what the manifests expect. */
import { cp, mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { containerArguments, fillCompileCache } from '../../../image/fill-compile-cache.ts';
import { renderManifests } from '../../stack/manifests.ts';
import { nodeProgram, projectRoot } from '../../stack/paths.ts';
import { renderWith, variants } from '../support/kustomizations.ts';
import { podTemplatesIn } from '../support/pod-templates.ts';
import { stack } from '../support/stack.ts';

const text = await readFile(join(projectRoot, 'Dockerfile'), 'utf8');
/** Instructions without comments, each on one line. */
const instructions = text
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.trim() !== '');
const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));

const templates = [
  ...(await Promise.all(variants.map((variant) => renderManifests(variant)))),
  await renderWith('approle'),
].flatMap(podTemplatesIn);

describe('the build', () => {
  test('copies what is there, and what .dockerignore lets it see', async () => {
    const ignore = (await readFile(join(projectRoot, '.dockerignore'), 'utf8')).trim().split('\n');
    const copied = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) {
      expect(ignore).toContain(`!${path}`);
      expect((await execa('git', ['ls-files', path], { cwd: projectRoot })).stdout, path).not.toBe('');
    }
    expect(ignore[0]).toBe('*');
  });

  test('says what is in it', async () => {
    expect(text).toContain('npm sbom --omit=dev --sbom-format=cyclonedx > dist/sbom.cdx.json');
    const { stdout } = await execa('npm', ['sbom', '--omit=dev', '--sbom-format=cyclonedx'], {
      cwd: projectRoot,
    });
    const Sbom = v.object({
      bomFormat: v.literal('CycloneDX'),
      components: v.array(v.looseObject({ name: v.string() })),
    });
    const names = v.parse(Sbom, JSON.parse(stdout)).components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['node-vault', 'pino', 'valibot']));
    expect(names).not.toContain('vitest');
  });
});

describe('the licences of all that is bundled', () => {
  const Source = v.object({ sources: v.array(v.string()) });
  let notice: string;
  beforeAll(async () => {
    notice = await readFile(join(projectRoot, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
  });

  test('stand beside it: of each package that a source map names', async () => {
    const maps = (await readdir(join(projectRoot, 'dist'))).filter((name) => /\.[cm]js\.map$/.test(name));
    expect(maps.length).toBeGreaterThan(8);
    const read = async (name: string) =>
      v.parse(Source, JSON.parse(await readFile(join(projectRoot, 'dist', name), 'utf8'))).sources;
    const sources = (await Promise.all(maps.map(read))).flat();
    const bundled = new Set(
      sources.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
    );
    expect(bundled.size).toBeGreaterThan(80);
    expect([...bundled].filter((name) => !notice.includes(`\n${name} `))).toEqual([]);
  });

  test('are known, and none is the Functional Source License of what Sentry installs beside its library', () => {
    const heads = [...notice.matchAll(/^-{100}\n(\S+) \S+ \(([^)]+)\)\n-{100}$/gm)];
    expect(heads.length).toBeGreaterThan(80);
    expect(new Set(heads.map(([, , id]) => id))).toEqual(
      new Set(['0BSD', 'Apache-2.0', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']),
    );
    expect(heads.map(([, name]) => name)).not.toContain('sentry');
  });

  test('go into the image', () => {
    expect(instructions.join('\n')).toMatch(/ cp .*dist\/THIRD-PARTY-LICENSES\.txt .*LICENSE \/app/);
  });
});

describe('the image', () => {
  test('is Node without a shell, started by a user that is not root', () => {
    expect(text).toContain('ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot');
    expect(last[0]).toBe('FROM runtime');
    expect(last.filter((line) => line.startsWith('USER '))).toEqual(['USER 65532:65532']);
    expect(last).toContain('ENTRYPOINT ["/nodejs/bin/node"]');
    expect(last).toContain('WORKDIR /app');
    expect(last).toContain('ENV NODE_COMPILE_CACHE=/app/compile-cache');
  });

  test('has nothing in it but what the build put into /app', () => {
    expect(last.filter((line) => /^(?:COPY|ADD|RUN) /.test(line))).toEqual(['COPY --from=build /app /app']);
  });

  test.each(['title', 'description', 'licenses', 'version', 'revision', 'base.name'])(
    'has the label %s',
    (name) => {
      expect(last.join('\n')).toContain(`org.opencontainers.image.${name}=`);
    },
  );

  test('starts as the admission function does, where nothing else is said', () => {
    expect(last).toContain(`CMD ${JSON.stringify(containerArguments[0]).replaceAll(',', ', ')}`);
  });
});

describe('what the manifests start', () => {
  const argumentsOf = ({ spec }: (typeof templates)[number]) => spec.containers[0].args;

  test('is among what the build makes', async () => {
    const built = await readdir(join(projectRoot, 'dist'));
    const bundles = templates.map((template) => argumentsOf(template).at(-1) ?? '');
    expect([...new Set(bundles)].toSorted()).toEqual([
      'admission.cjs',
      'approle.cjs',
      'dead-letters.cjs',
      'renewal.cjs',
      'replay.cjs',
      'revocation.cjs',
    ]);
    expect(built).toEqual(
      expect.arrayContaining([...bundles, 'kube-config.cjs', 'sentry.cjs', 'approle-init.mjs']),
    );
  });

  test('is what the compile cache is filled for', () => {
    const started = new Set(templates.map((template) => argumentsOf(template).join(' ')));
    expect([...started].toSorted()).toEqual(containerArguments.map((args) => args.join(' ')).toSorted());
  });
});

test('the compile cache is filled with every function and job, and taken by a container of the same kind', async () => {
  const folder = await mkdtemp(join(stack.description.folder, 'image-'));
  const cache = join(folder, 'compile-cache');
  await mkdir(cache);
  for (const file of await readdir(join(projectRoot, 'dist')))
    if (file.endsWith('.cjs')) await cp(join(projectRoot, 'dist', file), join(folder, file));
  await fillCompileCache(nodeProgram, folder, cache);
  for (const args of containerArguments) {
    const { all } = await execa(nodeProgram, args, {
      cwd: folder,
      // Started without a configuration: each of them only reports that.
      env: { NODE_COMPILE_CACHE: cache, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
      extendEnv: false,
      reject: false,
      all: true,
    });
    expect(all).toMatch(new RegExp(`V8 code cache for CommonJS .*${args.at(-1)} was accepted`));
  }
});
