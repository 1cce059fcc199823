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
