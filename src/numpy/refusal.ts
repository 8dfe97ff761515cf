/** What Python refuses with an exception, or what is not followed here: whoever knows the place says where. */
export class Refusal extends Error {
  constructor(
    message: string,
    /** The exception that Python raises; undefined where the limit is one of ours. */
    readonly exception?: string,
    readonly fix?: string,
  ) {
    super(message)
  }
}
