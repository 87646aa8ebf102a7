import { useQuery } from '@tanstack/react-query'
import { useDesk } from '@/api/session'

const RENEWED_MS = 30_000

/** What the next invoice of a subscription would say now. A POST, as Stripe has it, that changes nothing. */
export function usePreview(subscription: string, enabled = true) {
  const { client, scope } = useDesk()
  return useQuery({
    queryKey: [scope.account, scope.mode, '/v1/invoices/create_preview', subscription],
    queryFn: () => client.post('/v1/invoices/create_preview', {}, { subscription }),
    refetchInterval: RENEWED_MS,
    enabled,
  })
}
