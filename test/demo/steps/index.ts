/** The demo's story, in the order in which it is told. */
import type { Step } from '../step.ts';
import { application } from './application.ts';
import { denied } from './denied.ts';
import { example } from './example.ts';
import { forged } from './forged.ts';
import { fromZero } from './from-zero.ts';
import { records } from './records.ts';
import { renewed } from './renewed.ts';
import { replicas } from './replicas.ts';
import { missed, revoked, waited } from './revoked.ts';

const userAndPassword = { user: 'DB_USER', password: 'DB_PASSWORD' };

export const steps: readonly Step[] = [
  example({
    title: 'A pod that wants user and password',
    file: 'classic.yaml',
    logins: [userAndPassword],
    variables: ['DB_USER', 'DB_PASSWORD'],
  }),
  example({
    title: 'A pod that wants a URI',
    file: 'uri.yaml',
    logins: [{ uri: 'POSTGRES_URL' }],
    variables: ['POSTGRES_URL'],
  }),
  example({
    title: 'A pod with two databases',
    file: 'two-databases.yaml',
    logins: [userAndPassword, { uri: 'POSTGRES_URL' }],
    variables: ['DB_USER', 'DB_PASSWORD', 'POSTGRES_URL', 'ANOTHER_ENV'],
  }),
  replicas,
  application,
  fromZero,
  denied,
  forged,
  records,
  renewed,
  revoked,
  waited,
  missed,
];
