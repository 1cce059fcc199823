/** Bundles each function, job and init program, and the command line, into one self-contained file in `dist/`, with a source map. */
import { globSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, dirname } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { licenseOf, noticeOf, packagesIn } from './third-party-licenses.ts';

// What libraries import but never use on our way through them: their own transport where ours is given, parsers for
// bodies that we hand on raw, programs around them. A touch would throw, and name the module.
const ABSENT = /^(?:axios|cloudevents|iconv-lite|read-package-up|minimist|mustache|tv4|send)$/;
// What libraries use of these, without what it would cost.
const STAND_INS: Readonly<Record<string, string>> = {
  // It prints what it is given when a variable of the environment says so: JWTs and tokens among it.
  debug: 'module.exports = () => Object.assign(() => {}, { enabled: false });',
  // The framework runs each request in one, to catch what a function lets through; ours lets nothing through, and
  // watching every promise for it takes a quarter of an admission's processor time.
  domain: 'module.exports = { create: () => ({ on() {}, run: (work) => work() }) };',
  // The API client's own way of asking; ours is Node's (shared/kubernetes/api.ts).
  undici: `function absent() { throw new Error('undici is not part of this bundle'); }
    export { absent as Agent, absent as fetch, absent as ProxyAgent };`,
  // It rewrites libraries while they are loaded, for traces that nobody asks for; and has others' packages in it, without their
  // licences.
  '@sentry/server-runtime-injection/register': 'export const registerDiagnosticsChannelInjection = () => {};',
  // For a person at a terminal, who runs the sources: a bundle writes JSON.
  'pino-pretty': 'module.exports = () => undefined;',
};
// What is a file of its own, from there: most of a bundle's bytes, for what a process meets late or never. All of a bundle is
// read when it starts.
const OWN_FILES: Readonly<Record<string, { readonly in: string; readonly out: string }>> = {
  '@sentry/node': { in: '@sentry/node', out: 'sentry' },
  '@kubernetes/client-node': { in: '@kubernetes/client-node/dist/config.js', out: 'kube-config' },
};
// What libraries import at once but use late or never: loaded when one of its members is first touched.
const LATE =
  /^(?:qs|mime-types|etag|\.\/lib\/(?:defaultMetrics|pushgateway)|http-errors|thread-stream|@opentelemetry\/api|(?:node:)?(?:https|zlib|worker_threads|perf_hooks|v8|assert|cluster|tty|crypto))$/;

/** Keeps modules off the way to the first answer: a cold start is something every scaled-to-zero admission waits for. */
const startFast: Plugin = {
  name: 'start-fast',
  setup({ onResolve, onLoad, resolve }) {
    const fromLibrary = (importer: string) => importer.includes('node_modules');
    onResolve({ filter: new RegExp(`^(?:${Object.keys(OWN_FILES).join('|')})$`) }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: `./${OWN_FILES[path]?.out}.cjs`, external: true },
    );
    // Nothing but what is exported: most of it is the models of objects that nobody here makes.
    onResolve({ filter: /^\.\.?\// }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      if (pluginData === 'real' || !importer.includes('@kubernetes/client-node')) return undefined;
      const found = await resolve(path, { importer, kind, resolveDir, pluginData: 'real' });
      return { ...found, sideEffects: false };
    });
    onResolve({ filter: ABSENT }, ({ path, importer }) =>
      fromLibrary(importer) ? { path, namespace: 'absent' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
      contents: `const touch = () => { throw new Error('${path} is not part of this bundle'); };
        module.exports = new Proxy(touch, { get: touch });`,
    }));
    onResolve({ filter: new RegExp(`^(?:${Object.keys(STAND_INS).join('|')})$`) }, ({ path }) => ({
      path,
      namespace: 'stand-in',
    }));
    onLoad({ filter: /.*/, namespace: 'stand-in' }, ({ path }) => ({ contents: STAND_INS[path] ?? '' }));
    onResolve({ filter: LATE }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      // An `import` copies a module's members at once; only a `require` can be put off.
      if (pluginData === 'real' || kind !== 'require-call' || !fromLibrary(importer)) return undefined;
      if (isBuiltin(path)) return { path, namespace: 'late' };
      const found = await resolve(path, { importer, kind, resolveDir, pluginData: 'real' });
      return found.errors.length > 0 ? { errors: found.errors } : { path: found.path, namespace: 'late' };
    });
    onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      resolveDir: isBuiltin(path) ? '/' : dirname(path),
      contents: `let loaded; const load = () => (loaded ??= require(${JSON.stringify(path)}));
        module.exports = new Proxy(function () {}, {
          get: (_, name) => load()[name],
          has: (_, name) => name in load(),
          apply: (_, self, args) => load().apply(self, args),
          construct: (_, args) => new (load())(...args),
        });`,
    }));
  },
};

const entryPoints = globSync(['functions/*/index.ts', 'cronjobs/*/index.ts']).map((entry) => ({
  in: entry,
  out: basename(dirname(entry)),
}));
const common = {
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node24',
  minify: true,
  sourcemap: true,
  legalComments: 'linked',
  logLevel: 'warning',
  plugins: [startFast],
  write: false,
  metafile: true,
} as const satisfies BuildOptions;
const bundles = await Promise.all([
  build({
    ...common,
    entryPoints: [
      ...entryPoints,
      { in: 'cli/main.ts', out: 'vault-db-injector' },
      ...Object.values(OWN_FILES),
    ],
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
  }),
  build({
    ...common,
    entryPoints: [{ in: 'init/approle/index.ts', out: 'approle-init' }],
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    // Of the libraries in it some are CommonJS, and ask for Node's own modules in their way.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  }),
]);
// Each file in one move: a function that is spawned meanwhile reads all of the old bundle or all of the new one.
await mkdir('dist', { recursive: true });
const packages = packagesIn(bundles.map(({ metafile }) => metafile));
const notice = noticeOf(await Promise.all(packages.map(licenseOf)));
const files: readonly { readonly path: string; readonly contents: Uint8Array | string }[] = [
  ...bundles.flatMap(({ outputFiles }) => outputFiles),
  { path: 'dist/THIRD-PARTY-LICENSES.txt', contents: notice },
];
for (const { path, contents } of files) {
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
}
