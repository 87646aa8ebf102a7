import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Client } from '@/api/client'
import type { MeterSummary } from '@/api/objects'
import { useDesk } from '@/api/session'
import { DAY, HOUR, floorTo, nowSeconds } from '@/lib/dates'
import { sum } from '@/lib/decimal'

export type Range = '24h' | '7d' | '30d' | '90d'
export type Grain = 'hour' | 'day'

const DAYS: Readonly<Record<Range, number>> = { '24h': 1, '7d': 7, '30d': 30, '90d': 90 }
/** Summaries of all customers together come a thousand at a time, those of one a hundred (Stripe). */
const MOST_OF_ALL = 1000
const MOST_OF_ONE = 100
const RENEWED_MS = 10_000

/** The span of a range that ends with the hour or day under way. */
export function spanOf(range: Range, grain: Grain): { start: number; end: number } {
  const size = grain === 'hour' ? HOUR : DAY
  const end = floorTo(nowSeconds(), size) + size
  return { start: end - DAYS[range] * DAY, end }
}

export interface Usage {
  readonly times: readonly number[]
  readonly values: readonly number[]
  /** The same as `values`, digit by digit. */
  readonly exact: readonly string[]
  readonly total: string
}

/** What was used of a meter, by one customer or by all of them, in hours or days. */
export function useUsage(meter: string, range: Range, grain: Grain, customer?: string) {
  const { client, scope } = useDesk()
  const { start, end } = spanOf(range, grain)
  const answer = useQuery({
    queryKey: [
      scope.account,
      scope.mode,
      '/v1/billing/meters/{id}/event_summaries',
      meter,
      start,
      end,
      grain,
      customer,
    ],
    queryFn: () =>
      allSummaries(client, meter, {
        start_time: start,
        end_time: end,
        value_grouping_window: grain,
        ...(customer && { customer }),
      }),
    refetchInterval: RENEWED_MS,
  })
  const data = useMemo(() => answer.data && asUsage(answer.data), [answer.data])
  return { ...answer, data }
}

interface Asked {
  readonly start_time: number
  readonly end_time: number
  readonly value_grouping_window: Grain
  readonly customer?: string
}

async function allSummaries(client: Client, meter: string, asked: Asked): Promise<MeterSummary[]> {
  const rows: MeterSummary[] = []
  for (let after: string | undefined; ; after = rows.at(-1)?.id) {
    const limit = asked.customer ? MOST_OF_ONE : MOST_OF_ALL
    const query = { ...asked, limit, ...(after && { starting_after: after }) }
    const page = await client.get('/v1/billing/meters/{id}/event_summaries', { id: meter }, query)
    rows.push(...page.data)
    if (!page.has_more || page.data.length === 0) return rows
  }
}

function asUsage(rows: readonly MeterSummary[]): Usage {
  const inOrder = [...rows].sort((a, b) => a.start_time - b.start_time)
  const exact = inOrder.map(({ aggregated_value }) => String(aggregated_value))
  return {
    times: inOrder.map(({ start_time }) => start_time),
    values: exact.map(Number),
    exact,
    total: sum(exact),
  }
}
