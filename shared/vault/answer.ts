import * as v from 'valibot';
import { invalidAnswer } from './failure.ts';

/**
 * What Vault answered, if it is what its API promises.
 *
 * @throws VaultError `vault_answer_invalid`, without the answer: there may be a secret in it.
 */
export function checked<S extends v.GenericSchema>(
  schema: S,
  operation: string,
  answer: unknown,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, answer);
  if (!parsed.success) throw invalidAnswer(operation);
  return parsed.output;
}

// What every answer of Vault's that is not an error begins with.
const Envelope = v.object({ request_id: v.string() });

/**
 * That Vault has done what it was asked for, where its answer says nothing more: a 204, or a 200 with warnings at most.
 *
 * @throws VaultError `vault_answer_invalid` for the answer of something else.
 */
export async function acknowledged(operation: string, answer: Promise<unknown>): Promise<void> {
  const body = await answer;
  if (body !== undefined) checked(Envelope, operation, body);
}
