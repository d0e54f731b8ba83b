/** A template that llama.cpp cannot parse or render, or that refused what it was given by `raise_exception`. */
export class TemplateFault extends Error {
  readonly refused: boolean;

  constructor(reason: string, refused: boolean, options?: ErrorOptions) {
    super(reason, options);
    this.refused = refused;
  }
}
