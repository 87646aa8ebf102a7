import {
  keepPreviousData,
  useMutation,
  useQuery,
  useQueryClient,
  type QueryKey,
} from '@tanstack/react-query'
import { useState } from 'react'
import type { Answer, Client, InPath, PathOf, Query, Scope } from './client'
import { ApiError } from './error'
import { useDesk } from './session'

type Path = PathOf<'get'> & string
type Ids<P extends string> = InPath<P>

interface Options {
  readonly enabled?: boolean
  /** Ask again so often while the page is looked at: for usage, which moves without events. */
  readonly everyMs?: number
  /** Show the last answer while a new one is on its way. */
  readonly keep?: boolean
}

/** The key under which an answer is kept. The scope comes first: nothing is shared across it. */
export function keyOf<P extends Path>(
  scope: Scope,
  path: P,
  ids: Ids<P>,
  query: object = {},
): QueryKey {
  return [scope.account, scope.mode, path, ids, query]
}

/** What a path answers, kept and renewed. */
export function useGet<P extends Path>(
  path: P,
  ids: Ids<P>,
  query: Query<P> | object = {},
  options: Options = {},
) {
  const { client, scope } = useDesk()
  return useQuery({
    queryKey: keyOf(scope, path, ids, query),
    queryFn: ({ signal }) => client.get(path, ids, query as Query<P>, signal),
    enabled: options.enabled ?? true,
    ...(options.everyMs && { refetchInterval: options.everyMs }),
    ...(options.keep && { placeholderData: keepPreviousData }),
  })
}

interface List<T> {
  readonly data: readonly T[]
  readonly has_more: boolean
}

/** A member of the list that a path answers with. */
export type Member<P extends Path> =
  Answer<P, 'get'> extends { data: readonly (infer T)[] } ? T : never

const PAGE = 25

/** One page of a list, with the way to the next and back. A new query begins at the first page. */
export function usePages<P extends Path>(
  path: P,
  ids: Ids<P>,
  query: object = {},
  options: Options & { size?: number } = {},
) {
  const filter = JSON.stringify([path, ids, query])
  const [place, setPlace] = useState<{ filter: string; cursors: readonly string[] }>({
    filter,
    cursors: [],
  })
  const cursors = place.filter === filter ? place.cursors : []
  const after = cursors.at(-1)
  const whole = { ...query, limit: options.size ?? PAGE, ...(after && { starting_after: after }) }
  const answer = useGet(path, ids, whole, { ...options, keep: true })
  const list = answer.data as List<Member<P> & { id?: string }> | undefined
  const last = list?.data.at(-1)?.id
  return {
    ...answer,
    rows: list?.data as readonly Member<P>[] | undefined,
    isFirst: cursors.length === 0,
    isLast: !list?.has_more,
    next: () => last && setPlace({ filter, cursors: [...cursors, last] }),
    back: () => setPlace({ filter, cursors: cursors.slice(0, -1) }),
  }
}

export type Pages = Pick<
  ReturnType<typeof usePages>,
  'isFirst' | 'isLast' | 'next' | 'back' | 'isPlaceholderData'
>

interface Change<V, T> {
  /** The request. */
  run(client: Client, given: V): Promise<T>
  /** What the answer will be, shown at once and taken back if the API refuses. */
  expect?: (given: V) => readonly [QueryKey, (old: unknown) => unknown]
  done?: (answer: T, given: V) => void
}

/** A change. When it is over, all that is on the page is asked for anew. */
export function useChange<V, T>({ run, expect, done }: Change<V, T>) {
  const { client, scope } = useDesk()
  const queries = useQueryClient()
  return useMutation<T, Error, V, (() => void) | undefined>({
    mutationFn: (given) => run(client, given),
    onMutate: async (given) => {
      if (!expect) return undefined
      const [key, update] = expect(given)
      await queries.cancelQueries({ queryKey: key })
      const old = queries.getQueryData(key)
      if (old === undefined) return undefined
      queries.setQueryData(key, update(old))
      return () => queries.setQueryData(key, old)
    },
    onError: (_error, _given, takeBack) => takeBack?.(),
    onSuccess: (answer, given) => done?.(answer, given),
    onSettled: () => queries.invalidateQueries({ queryKey: [scope.account, scope.mode] }),
  })
}

/** Whether asking again may help: not when the API has refused. */
export function isWorthRetrying(failures: number, error: Error): boolean {
  return failures < 2 && !(error instanceof ApiError && error.status < 500)
}
