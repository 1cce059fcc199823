import { expect, test } from 'vitest';
import { scramVerifier } from '../../../../cli/setup/scram.ts';
import { Secret } from '../../../../shared/secret.ts';

// RFC 7677, 3: user "user", password "pencil".
test('the exchange of the RFC', () => {
  expect(scramVerifier(new Secret('pencil'), Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});
