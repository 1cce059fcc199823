import 'reflect-metadata';
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** Certificate and key as PEM. */
export type KeyPair = { certificate: string; key: string };

type LeafOptions = {
  commonName: string;
  /** Becomes a Kubernetes group in a client's certificate. */
  organization?: string;
  /** Names beside localhost, and addresses beside 127.0.0.1. */
  hosts?: readonly string[];
  addresses?: readonly string[];
};

export type Authority = {
  certificate: string;
  /** Valid for 127.0.0.1 and localhost, as a server's and as a client's certificate. */
  issue(options: LeafOptions): Promise<KeyPair>;
};

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hour = 3_600_000;

const validity = (days: number): { notBefore: Date; notAfter: Date } => ({
  // Clocks need not agree to the second.
  notBefore: new Date(Date.now() - hour),
  notAfter: new Date(Date.now() + days * 24 * hour),
});

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

const privateKeyPem = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();

const pem = (certificate: X509Certificate): string => `${certificate.toString('pem')}\n`;

// The first bit must be clear, or the number is negative in DER and Go refuses the certificate.
const serialNumber = (): string => `01${randomBytes(15).toString('hex')}`;

/** A certificate authority of its own, EC P-256, kept in memory only. */
export const createAuthority = async (name: string): Promise<Authority> => {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // Never a leaf's own name: a certificate whose subject is its issuer passes for self-signed.
    name: [{ CN: [`${name} authority`] }],
    keys,
    signingAlgorithm: algorithm,
    ...validity(3650),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });

  const issue = async ({
    commonName,
    organization,
    hosts = [],
    addresses = [],
  }: LeafOptions): Promise<KeyPair> => {
    const leafKeys = await newKeys();
    const leaf = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [commonName] }],
      issuer: certificate.subjectName,
      publicKey: leafKeys.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      ...validity(365),
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension([
          ...['127.0.0.1', ...addresses].map((value) => ({ type: 'ip' as const, value })),
          ...['localhost', ...hosts].map((value) => ({ type: 'dns' as const, value })),
        ]),
      ],
    });
    return { certificate: pem(leaf), key: privateKeyPem(leafKeys.privateKey) };
  };

  return { certificate: pem(certificate), issue };
};
