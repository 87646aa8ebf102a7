/** What the API refused, in its own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null,
    /** The parameter at fault, spelt as the request spelt it: `usage_threshold[gte]`. */
    readonly param: string | null,
    readonly requestId: string | null,
  ) {
    super(message)
  }

  get isSignedOut(): boolean {
    return this.status === 401
  }

  get isMissing(): boolean {
    return this.status === 404
  }
}

/** Nobody answered: the engine is away, or the network is. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** The error in an answer's body; what does not look like one still becomes one. */
export function errorFrom(status: number, body: unknown, requestId: string | null): ApiError {
  const error = isRecord(body) && isRecord(body['error']) ? body['error'] : {}
  const message = text(error['message']) ?? `The engine answered with status ${status}.`
  return new ApiError(status, message, text(error['code']), text(error['param']), requestId)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
