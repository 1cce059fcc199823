/** The stack that the global set-up started, for one test file. */
import { readFile } from 'node:fs/promises';
import { afterAll, inject } from 'vitest';
import { attachStack } from '../../stack/index.ts';
import { exampleApp } from '../../stack/kubernetes/objects.ts';
import { whenUp } from './stack-folders.ts';

// One file at a time runs in each of vitest's workers, which are numbered from 1 on.
const folder = inject('stackFolders')[Number(process.env['VITEST_POOL_ID']) - 1];
if (folder === undefined) throw new Error('this worker has no stack');

await whenUp(folder);
export const stack = await attachStack(folder);

afterAll(() => stack.stop());

const { admissionUrl, functions, vault } = stack.description;
if (admissionUrl === undefined) throw new Error('the stack runs without its admission function');

/** CA of the functions' certificates and of the API server's. */
export const authority = await readFile(functions.caFile, 'utf8');

/** The admission function that the API server asks. */
export const admission = { url: admissionUrl, path: functions.webhookPath };

export const openBao = { address: vault.address, auditFile: vault.folder, unsealKey: vault.unsealKey };

/** The namespace and the service account of the reference's example. */
export const { namespace: exampleNamespace, serviceAccount: exampleAccount } = exampleApp;
