/** Ends a command with a message that a person can act on. */
export class Refusal extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Refusal';
  }
}

/** The command line is not understood. */
export class Misuse extends Refusal {}
