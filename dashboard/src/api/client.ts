import { ApiError, Unreachable, errorFrom } from './error'
import { encodeForm } from './form'
import { parseExact } from './json'
import type { paths } from './schema'

export type Mode = 'test' | 'live'

/** Which account a request is for, and in which mode. */
export interface Scope {
  readonly account: string
  readonly mode: Mode
}

type Method = 'get' | 'post' | 'delete'

/** The paths of the API that take a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never
}[keyof paths]

type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P]
  ? paths[P][M]
  : never

/** What a path answers with. */
export type Answer<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: { 200: { content: { 'application/json': infer A } } } }
    ? A
    : never

/** The parameters in a path: `{id: string}` of `/v1/customers/{id}`. */
export type InPath<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name | keyof InPath<Rest>]: string }
  : unknown

/** The query of a GET. */
export type Query<P extends keyof paths> =
  Operation<P, 'get'> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never

/** The body of a POST. */
export type Body<P extends keyof paths> =
  Operation<P, 'post'> extends {
    requestBody?: { content: { 'application/x-www-form-urlencoded': infer B } }
  }
    ? B
    : never

/**
 * The public API, as a signed-in member speaks it: the session is a cookie, and what must not be
 * done by another site carries the session's token.
 */
export class Client {
  constructor(
    private readonly scope: Scope | null = null,
    private readonly csrfToken: string | null = null,
  ) {}

  get<P extends PathOf<'get'> & string>(
    path: P,
    ids: InPath<P>,
    query: Query<P> | URLSearchParams | Record<string, never> = {},
    signal?: AbortSignal,
  ): Promise<Answer<P, 'get'>> {
    const search = (query instanceof URLSearchParams ? query : encodeForm(query)).toString()
    const url = filled(path, ids) + (search && `?${search}`)
    return this.send(url, { method: 'GET', ...(signal && { signal }) })
  }

  post<P extends PathOf<'post'> & string>(
    path: P,
    ids: InPath<P>,
    body: Body<P> | URLSearchParams | Record<string, never> = {},
  ): Promise<Answer<P, 'post'>> {
    const form = body instanceof URLSearchParams ? body : encodeForm(body as object)
    return this.send(filled(path, ids), { method: 'POST', body: form })
  }

  delete<P extends PathOf<'delete'> & string>(
    path: P,
    ids: InPath<P>,
  ): Promise<Answer<P, 'delete'>> {
    return this.send(filled(path, ids), { method: 'DELETE' })
  }

  private async send<T>(url: string, request: RequestInit): Promise<T> {
    const answer = await this.fetch(url, request)
    const requestId = answer.headers.get('Request-Id')
    const body = parsed(await answer.text())
    if (!answer.ok) throw errorFrom(answer.status, body, requestId)
    if (body === undefined) {
      throw new ApiError(answer.status, 'The answer is not JSON.', null, null, requestId)
    }
    return body as T
  }

  private async fetch(url: string, request: RequestInit): Promise<Response> {
    const headers = new Headers()
    if (this.scope) {
      headers.set('Tripmeter-Account', this.scope.account)
      headers.set('Tripmeter-Mode', this.scope.mode)
    }
    if (this.csrfToken && request.method !== 'GET') headers.set('Tripmeter-CSRF', this.csrfToken)
    try {
      return await fetch(url, { ...request, headers, credentials: 'same-origin' })
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error
      throw new Unreachable('The engine does not answer.')
    }
  }
}

function filled(path: string, ids: unknown): string {
  const values = ids as Readonly<Record<string, string>>
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''))
}

function parsed(text: string): unknown {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}
