/** Bundles each function, job and init program, and the command line, into one self-contained file in `dist/`, with a source map. */
import { globSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, dirname } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { licenseOf, noticeOf, packagesIn } from './third-party-licenses.ts';

// Modules that libraries import but never use here: transports that ours replaces, parsers for bodies that we pass on
// raw, programs. Using one would throw, and name the module.
const ABSENT = /^(?:axios|cloudevents|iconv-lite|read-package-up|minimist|mustache|tv4|send)$/;
// Cheap substitutes for modules that libraries import.
const STAND_INS: Readonly<Record<string, string>> = {
  // `debug` prints its arguments if an environment variable says so: JWTs and tokens among them.
  debug: 'module.exports = () => Object.assign(() => {}, { enabled: false });',
  // The framework runs each request in a domain to catch uncaught errors; ours leave none, and tracking every promise
  // for it takes a quarter of an admission's processor time.
  domain: 'module.exports = { create: () => ({ on() {}, run: (work) => work() }) };',
  // The API client's own HTTP client; ours is Node's (shared/kubernetes/api.ts).
  undici: `function absent() { throw new Error('undici is not part of this bundle'); }
    export { absent as Agent, absent as fetch, absent as ProxyAgent };`,
  // It rewrites libraries while they are loaded, for tracing that we do not use; and it bundles others' packages
  // without their licences.
  '@sentry/server-runtime-injection/register': 'export const registerDiagnosticsChannelInjection = () => {};',
  // Pretty output is for a person at a terminal, who runs the sources: a bundle writes JSON.
  'pino-pretty': 'module.exports = () => undefined;',
};
// Separate files: most of a bundle's bytes are code that a process needs late or never, and a bundle is read whole
// when it starts.
const OWN_FILES: Readonly<Record<string, { readonly in: string; readonly out: string }>> = {
  '@sentry/node': { in: '@sentry/node', out: 'sentry' },
  '@kubernetes/client-node': { in: '@kubernetes/client-node/dist/config.js', out: 'kube-config' },
};
// Modules that libraries import early but use late or never: loaded when a member is first used.
const LATE =
  /^(?:qs|mime-types|etag|\.\/lib\/(?:defaultMetrics|pushgateway)|http-errors|thread-stream|@opentelemetry\/api|(?:node:)?(?:https|zlib|worker_threads|perf_hooks|v8|assert|cluster|tty|crypto))$/;

/** Defers modules that the first answer does not need: every admission after scale-to-zero waits for the cold start. */
const startFast: Plugin = {
  name: 'start-fast',
  setup({ onResolve, onLoad, resolve }) {
    const fromLibrary = (importer: string) => importer.includes('node_modules');
    onResolve({ filter: new RegExp(`^(?:${Object.keys(OWN_FILES).join('|')})$`) }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: `./${OWN_FILES[path]?.out}.cjs`, external: true },
    );
    // Keeps only what is exported: most of it is models of objects that nobody here creates.
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
      // An `import` binds a module's members at once; only a `require` can be deferred.
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
    define: { 'import.meta.dirname': '__dirname' },
  }),
  build({
    ...common,
    entryPoints: [{ in: 'init/approle/index.ts', out: 'approle-init' }],
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    // Some bundled libraries are CommonJS and require Node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  }),
]);
// Replaces each file atomically: a function that is spawned meanwhile reads either the old or the new bundle.
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
