import { useQueryClient } from '@tanstack/react-query'
import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from 'react'
import { parseExact } from './json'
import type { Overview, StreamedEvent } from './objects'
import { useDesk } from './session'
import { isTouched } from './touched'

/** `lost`: it was there and went away; the page tries to have it back. */
export type Connection = 'connecting' | 'live' | 'lost'

interface Live {
  readonly connection: Connection
  readonly overview: Overview | null
  retry(): void
}

const LiveContext = createContext<Live>({
  connection: 'connecting',
  overview: null,
  retry: () => undefined,
})

export const useLive = (): Live => useContext(LiveContext)

const REFRESH_MS = 700
const SILENCE_MS = 10_000
const RETRY_MS = [500, 1000, 2000, 4000, 8000]

/**
 * Holds the stream open while the page is looked at, and renews what its events touch. A hidden page
 * gives its connection back: a browser has six for a host, and each tab would take one.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const { scope } = useDesk()
  const queries = useQueryClient()
  const [connection, setConnection] = useState<Connection>('connecting')
  const [overview, setOverview] = useState<Overview | null>(null)
  const stream = useRef<Stream | null>(null)

  useEffect(() => {
    const scopeKey = [scope.account, scope.mode]
    const renewal = batched(REFRESH_MS, (types: readonly string[]) => {
      void queries.invalidateQueries({
        queryKey: scopeKey,
        predicate: ({ queryKey }) => types.some((type) => isTouched(String(queryKey[2]), type)),
      })
    })
    const query = new URLSearchParams({ account: scope.account, mode: scope.mode })
    stream.current = new Stream(`/v1/dashboard/stream?${query}`, {
      overview: setOverview,
      event: ({ type }) => renewal.add(type),
      connection: setConnection,
      regained: () => void queries.invalidateQueries({ queryKey: scopeKey }),
    })
    setOverview(null)
    return () => {
      renewal.stop()
      stream.current?.close()
    }
  }, [scope, queries])

  const live = useMemo(
    () => ({ connection, overview, retry: () => stream.current?.retry() }),
    [connection, overview],
  )
  return <LiveContext value={live}>{children}</LiveContext>
}

interface Listeners {
  overview(overview: Overview): void
  event(event: StreamedEvent): void
  connection(connection: Connection): void
  regained(): void
}

/** An EventSource that comes back by itself, also from what EventSource gives up on. */
class Stream {
  private source: EventSource | null = null
  private timer: number | undefined
  private failures = 0
  private isClosed = false

  constructor(
    private readonly url: string,
    private readonly tell: Listeners,
  ) {
    document.addEventListener('visibilitychange', this.look)
    window.addEventListener('online', this.retry)
    this.look()
  }

  close(): void {
    this.isClosed = true
    document.removeEventListener('visibilitychange', this.look)
    window.removeEventListener('online', this.retry)
    this.drop()
  }

  readonly retry = (): void => {
    this.drop()
    this.open()
  }

  private readonly look = (): void => {
    if (document.hidden) this.drop()
    else if (!this.source) this.open()
  }

  private open(): void {
    if (this.isClosed) return
    const source = new EventSource(this.url)
    this.source = source
    source.onopen = this.heard
    source.onerror = this.lost
    source.addEventListener('ping', this.heard)
    source.addEventListener('overview', ({ data }) => {
      this.heard()
      this.tell.overview(parseExact(data as string) as Overview)
    })
    source.addEventListener('event', ({ data }) => {
      this.heard()
      this.tell.event(parseExact(data as string) as StreamedEvent)
    })
  }

  private readonly heard = (): void => {
    if (this.failures > 0) this.tell.regained()
    this.failures = 0
    this.tell.connection('live')
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(this.lost, SILENCE_MS)
  }

  private readonly lost = (): void => {
    this.drop()
    if (this.isClosed) return
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]
    this.failures += 1
    this.tell.connection('lost')
    this.timer = window.setTimeout(() => this.open(), wait)
  }

  private drop(): void {
    window.clearTimeout(this.timer)
    this.source?.close()
    this.source = null
  }
}

/** Gathers what is added, and hands it over together after a while. */
function batched<T>(waitMs: number, flush: (items: readonly T[]) => void) {
  let items: T[] = []
  let timer: number | undefined
  return {
    add(item: T): void {
      items.push(item)
      timer ??= window.setTimeout(() => {
        timer = undefined
        const gathered = items
        items = []
        flush(gathered)
      }, waitMs)
    },
    stop: () => window.clearTimeout(timer),
  }
}
