/** An application that knows nothing of Vault: two pods of it read one table, each as a user of its own. */
import { ok } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { parseAllDocuments } from 'yaml';
import { type Application, startApplication } from '../../stack/application.ts';
import { exampleApp } from '../../stack/kubernetes/objects.ts';
import { projectRoot } from '../../stack/paths.ts';
import { query } from '../../stack/postgres.ts';
import { databaseMount } from '../../stack/vault/names.ts';
import { create } from '../pods.ts';
import { type Demo, type Step, timed } from '../step.ts';

const FILE = 'examples/application/classic.yaml';
const PREFIX = 'db-creds-injector.numberly.io/';
const Deployment = v.object({
  kind: v.literal('Deployment'),
  spec: v.object({
    template: v.object({
      metadata: v.object({
        labels: v.record(v.string(), v.string()),
        annotations: v.record(v.string(), v.string()),
      }),
      spec: v.looseObject({}),
    }),
  }),
});

/** The pod that the Deployment's controllers would create, with the stack's role and service account. */
async function podOfApplication() {
  const documents = parseAllDocuments(await readFile(join(projectRoot, FILE), 'utf8'));
  const deployment = documents.map((one): unknown => one.toJS()).find((one) => v.is(Deployment, one));
  const { metadata, spec } = v.parse(Deployment, deployment).spec.template;
  const annotations = {
    ...metadata.annotations,
    [`${PREFIX}cluster`]: databaseMount,
    [`${PREFIX}workshop.role`]: 'gule-rw',
    [`${PREFIX}workshop.auth-role`]: 'gule-rw',
  };
  const { namespace, serviceAccount: serviceAccountName } = exampleApp;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, annotations, namespace, generateName: 'notes-' },
    spec: { ...spec, serviceAccountName },
  };
}

async function start(demo: Demo): Promise<Application> {
  const { value: pod, ms } = await timed(async () => create(await podOfApplication(), demo));
  demo.narrator.did(`pod ${pod.name} created`, ms);
  const { DB_USER = '', DB_PASSWORD = '' } = Object.fromEntries(pod.env);
  demo.narrator.hide(DB_PASSWORD);
  demo.pods.push({ ...pod, users: [DB_USER] });
  // Where the stack's PostgreSQL is, and not where the example's would be.
  const { hostname: PGHOST, port: PGPORT, pathname } = new URL(demo.stack.description.databaseUrl);
  return startApplication(pod.name, { DB_USER, DB_PASSWORD, PGHOST, PGPORT, PGDATABASE: pathname.slice(1) });
}

export const application: Step = {
  title: `An application in two pods: ${FILE}`,
  async run(demo) {
    const { databaseUrl } = demo.stack.description;
    await query(databaseUrl, 'CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, what text)');
    await query(databaseUrl, `INSERT INTO notes (what) VALUES ('made by hand')`);
    await query(databaseUrl, 'GRANT SELECT ON notes TO "demo-rw"');
    const applications = [await start(demo), await start(demo)];
    try {
      const shown = await Promise.all(applications.map(({ show }) => show()));
      for (const { pod, user, notes } of shown)
        demo.narrator.fact(pod, `is ${user} to PostgreSQL, and reads "${notes.join()}"`);
      const users = new Set(shown.map(({ user }) => user));
      ok(users.size === 2, `the two pods are known as ${[...users].join(' and ')}`);
    } finally {
      for (const { stop } of applications) await stop();
    }
  },
};
