import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';

/** Everything that another process needs to use a running stack. Holds root credentials. */
const stackDescription = v.object({
  folder: v.string(),
  kubernetes: v.object({
    url: v.string(),
    kubeconfig: v.string(),
    caFile: v.string(),
    adminCertificateFile: v.string(),
    adminKeyFile: v.string(),
    /** How the API server asks the stack's own admission function. */
    webhook: v.optional(
      v.object({
        url: v.exactOptional(v.string()),
        service: v.exactOptional(
          v.object({ namespace: v.string(), name: v.string(), port: v.number(), path: v.string() }),
        ),
        caBundle: v.string(),
      }),
    ),
  }),
  vault: v.object({
    address: v.string(),
    rootToken: v.string(),
    unsealKey: v.string(),
    folder: v.string(),
    auditFile: v.string(),
    caFile: v.optional(v.string()),
    namespace: v.optional(v.string()),
  }),
  /** Connection as a superuser. */
  databaseUrl: v.string(),
  functions: v.object({
    folder: v.string(),
    caFile: v.string(),
    webhookPath: v.string(),
    containers: v.record(
      v.string(),
      v.object({
        args: v.array(v.string()),
        env: v.record(v.string(), v.string()),
        tokenFile: v.string(),
        kubeconfig: v.string(),
      }),
    ),
    configuration: v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()])),
  }),
  /** Process that runs the stack, see control.ts. */
  controlUrl: v.string(),
  admissionUrl: v.optional(v.string()),
  revocationUrl: v.optional(v.string()),
  deadLettersUrl: v.optional(v.string()),
  brokerUrl: v.optional(v.string()),
  parts: v.array(
    v.object({
      name: v.string(),
      pid: v.number(),
      startTime: v.string(),
      address: v.string(),
      logFile: v.string(),
      /** A request starts it, and it ends after a while without requests. */
      scalesToZero: v.boolean(),
    }),
  ),
  /** Variables as in .stack/env. */
  environment: v.record(v.string(), v.string()),
});

export type StackDescription = v.InferOutput<typeof stackDescription>;

/** Written last of all: where it is, the stack came up. */
export const descriptionFile = (folder: string): string => join(folder, 'stack.json');

/** The description of the stack whose data is in `folder`, or undefined if none came up there. */
export const readDescription = async (folder: string): Promise<StackDescription | undefined> => {
  let content: string;
  try {
    content = await readFile(descriptionFile(folder), 'utf8');
  } catch {
    return undefined;
  }
  return v.parse(stackDescription, JSON.parse(content));
};
