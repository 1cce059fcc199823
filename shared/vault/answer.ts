import * as v from 'valibot';
import { invalidAnswer } from './failure.ts';

/**
 * Vault's answer, if it matches the schema.
 *
 * @throws VaultError `vault_answer_invalid`, without the answer: it may contain a secret.
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

// The fields of every successful answer of Vault.
const Envelope = v.object({ request_id: v.string() });

/**
 * Confirms success if the answer contains nothing else: a 204, or a 200 with warnings at most.
 *
 * @throws VaultError `vault_answer_invalid` for an answer that is not Vault's.
 */
export async function acknowledged(operation: string, answer: Promise<unknown>): Promise<void> {
  const body = await answer;
  if (body !== undefined) checked(Envelope, operation, body);
}
