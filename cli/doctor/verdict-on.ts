import { InjectorError } from '../../shared/errors.ts';
import { KubernetesError } from '../../shared/kubernetes/api.ts';
import { Refusal } from '../refusal.ts';
import { unknown, type Verdict } from './check.ts';

const AS_AN_ADMINISTRATOR = 'run it as a user who has the right: --context NAME';

/** A check that failed with an error has seen nothing, neither good nor bad. */
export function verdictOn(error: unknown): Verdict {
  if (error instanceof KubernetesError && (error.status === 401 || error.status === 403))
    return { ...unknown(`could not be checked: ${error.message}`, AS_AN_ADMINISTRATOR), notAllowed: true };
  if (error instanceof InjectorError || error instanceof Refusal)
    return unknown(`could not be checked: ${oneLine(error.message)}`);
  throw error;
}

const oneLine = (text: string): string => text.split(/\n\s*/).join('; ');
